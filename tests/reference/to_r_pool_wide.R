# ketameta: Random-effects model, tau2 by EB, inverse-variance weights; 95% Hartung-Knapp-Sidik-Jonkman interval, t with 5 degrees of freedom; prediction interval by t with k - 1 degrees of freedom; intervals of tau2, I2 and H2 by Q-profile
# Data: ketameta VERSION; user data; 6 rows, SHA-256 0a2d6826f2ea

suppressMessages(library(metafor))

d <- data.frame(
  label = c("a \"b\" \\ \u000a # 50% $x \u00e9 \u0142 \U0001f600 \ufffd `rm(d)` ')", "Feder 2014",
    "Murrough\u00092013", "\u00dcnal 2020", "",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
  yi = c(-1100000, -350000, -620000, -180000, -800000, -410000),
  vi = c(90000, 50000, 40000, 70000, 110000, 30000),
  stringsAsFactors = FALSE
)

fit <- rma(yi, vi, data = d, slab = label, method = "EB", test = "knha", level = 95, control = list(threshold = 1e-13 * (mean(d$vi) + var(d$yi)), maxiter = 100000))
spread <- confint(fit, level = 95, control = list(tol = 3e-09, tau2.max = 1.353e+12, maxiter = 100000))$random["tau^2", c("ci.lb", "ci.ub")]
new <- predict(fit, level = 95)
print(fit)

found <- c(
  "estimate" = fit$beta[[1]],
  "ci_low" = fit$ci.lb,
  "ci_high" = fit$ci.ub,
  "p" = fit$pval,
  "se" = fit$se,
  "q" = fit$QE,
  "q_p" = fit$QEp,
  "tau2" = fit$tau2,
  "i2" = fit$I2,
  "h2" = fit$H2,
  "tau2_low" = spread[[1]],
  "tau2_high" = spread[[2]],
  "pi_low" = new$pi.lb,
  "pi_high" = new$pi.ub
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate" = -576666.6232309472,
  "ci_low" = -928543.2732073343,
  "ci_high" = -224789.97325456003,
  "p" = 0.008386017110627387,
  "se" = 136885.99409607382,
  "q" = 7331598.132634138,
  "q_p" = 0,
  "tau2" = 112426587278.02913,
  "i2" = 99.999950722903,
  "h2" = 2029340.3243278537,
  "tau2_low" = 43805355716.29142,
  "tau2_high" = 676281777376.2911,
  "pi_low" = -1507644.5005606757,
  "pi_high" = 354311.2540987815
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(1.37e+05, 1.37e+05, 1.37e+05, 1, 0, 1, 1, 6.5e+04, 1, 1, 6.5e+04, 6.5e+04, 1.37e+05, 1.37e+05)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
