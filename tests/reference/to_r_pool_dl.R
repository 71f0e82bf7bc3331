# ketameta: Random-effects model, tau2 by DL, inverse-variance weights; 95% Wald interval (normal); prediction interval by the normal distribution; intervals of tau2, I2 and H2 by Q-profile
# Data: ketameta VERSION; user data; 9 rows, SHA-256 105ac8a1b87d

suppressMessages(library(metafor))

d <- data.frame(
  label = c("a \"b\" \\ \u000a # 50% $x \u00e9 \u0142 \U0001f600 \ufffd `rm(d)` ')", "Feder 2014",
    "Murrough\u00092013", "\u00dcnal 2020", "",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "F", "G", "H"),
  yi = c(-1.1, -0.35, -0.62, -0.18, -0.8, -0.41, 0.12, -0.93, -0.55),
  vi = c(0.09, 0.05, 0.04, 0.07, 0.11, 0.03, 0.06, 0.08, 0.045),
  stringsAsFactors = FALSE
)

fit <- rma(yi, vi, data = d, slab = label, method = "DL", test = "z", level = 95)
spread <- confint(fit, level = 95, control = list(tol = 3e-15, tau2.max = 100, maxiter = 100000))$random["tau^2", c("ci.lb", "ci.ub")]
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
  "estimate" = -0.5062483344373829,
  "ci_low" = -0.7286268926630883,
  "ci_high" = -0.2838697762116775,
  "p" = 8.124020520162057e-06,
  "se" = 0.1134605329382576,
  "q" = 16.109546459231925,
  "q_p" = 0.04083873563372872,
  "tau2" = 0.05668902277545765,
  "i2" = 50.34000479004531,
  "h2" = 2.0136933074039907,
  "tau2_low" = 0,
  "tau2_high" = 0.45722002502823206,
  "pi_low" = -1.0231823435099678,
  "pi_high" = 0.010685674635202091
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.113, 0.113, 0.113, 1, 0, 1, 1, 0.0639, 1, 1, 0.0639, 0.0639, 0.113, 0.113)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
