# ketameta: Random-effects model, tau2 by REML, inverse-variance weights; 95% Hartung-Knapp-Sidik-Jonkman interval, t with 8 degrees of freedom; prediction interval by t with k - 1 degrees of freedom; intervals of tau2, I2 and H2 by Q-profile
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

fit <- rma(yi, vi, data = d, slab = label, method = "REML", test = "knha", level = 95, control = list(threshold = 1e-13 * (mean(d$vi) + var(d$yi)), maxiter = 100000))
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
  "estimate" = -0.5065704215404021,
  "ci_low" = -0.7831693878425102,
  "ci_high" = -0.229971455238294,
  "p" = 0.002902834935438174,
  "se" = 0.11994729848028611,
  "q" = 16.109546459231925,
  "q_p" = 0.04083873563372872,
  "tau2" = 0.05830956931507933,
  "i2" = 51.044498777891334,
  "h2" = 2.042671354671766,
  "tau2_low" = 0,
  "tau2_high" = 0.45722002502823206,
  "pi_low" = -1.1283237208073194,
  "pi_high" = 0.11518287772651514
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.12, 0.12, 0.12, 1, 0, 1, 1, 0.0639, 1, 1, 0.0639, 0.0639, 0.12, 0.12)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
