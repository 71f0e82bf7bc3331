# ketameta: Mixed-effects meta-regression, residual tau2 by REML, inverse-variance weights; 95% Hartung-Knapp-Sidik-Jonkman intervals, t and F tests with 6 residual degrees of freedom; intervals of tau2, I2 and H2 by Q-profile
# Moderators: year + control
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
X <- matrix(c(
  c(1, 1, 1, 1, 1, 1, 1, 1, 1),
  c(-12, -6, -2, 1, 6, 7, 8, 10, 12),
  c(1, 1, 1, 1, 0, 0, 0, 0, 0)
), nrow = 9)
colnames(X) <- c("intercept", "year", "control: saline vs \"mida\u000azolam\"")

fit <- rma(yi, vi, mods = X, intercept = FALSE, data = d, slab = label, method = "REML", test = "knha", level = 95, control = list(threshold = 1e-13 * (mean(d$vi) + var(d$yi)), maxiter = 100000))
spread <- confint(fit, level = 95, control = list(tol = 3e-15, tau2.max = 100, maxiter = 100000))$random["tau^2", c("ci.lb", "ci.ub")]
print(fit)

found <- c(
  "estimate, intercept" = fit$beta[[1]],
  "se, intercept" = fit$se[[1]],
  "ci_low, intercept" = fit$ci.lb[[1]],
  "ci_high, intercept" = fit$ci.ub[[1]],
  "p, intercept" = fit$pval[[1]],
  "estimate, year" = fit$beta[[2]],
  "se, year" = fit$se[[2]],
  "ci_low, year" = fit$ci.lb[[2]],
  "ci_high, year" = fit$ci.ub[[2]],
  "p, year" = fit$pval[[2]],
  "estimate, control: saline vs \"mida\u000azolam\"" = fit$beta[[3]],
  "se, control: saline vs \"mida\u000azolam\"" = fit$se[[3]],
  "ci_low, control: saline vs \"mida\u000azolam\"" = fit$ci.lb[[3]],
  "ci_high, control: saline vs \"mida\u000azolam\"" = fit$ci.ub[[3]],
  "p, control: saline vs \"mida\u000azolam\"" = fit$pval[[3]],
  "qm" = fit$QM,
  "qm_p" = fit$QMp,
  "qe" = fit$QE,
  "qe_p" = fit$QEp,
  "tau2" = fit$tau2,
  "i2" = fit$I2,
  "h2" = fit$H2,
  "tau2_low" = spread[[1]],
  "tau2_high" = spread[[2]]
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate, intercept" = -0.815038467208798,
  "se, intercept" = 0.3671849270056964,
  "ci_low, intercept" = -1.7135076166608405,
  "ci_high, intercept" = 0.08343068224324435,
  "p, intercept" = 0.06822658588633683,
  "estimate, year" = 0.038003893598733324,
  "se, year" = 0.03725393675682378,
  "ci_low, year" = -0.05315320575334431,
  "ci_high, year" = 0.12916099295081096,
  "p, year" = 0.3470238052583977,
  "estimate, control: saline vs \"mida\u000azolam\"" = 0.43998255207733306,
  "se, control: saline vs \"mida\u000azolam\"" = 0.5539905559296116,
  "ci_low, control: saline vs \"mida\u000azolam\"" = -0.9155835046492284,
  "ci_high, control: saline vs \"mida\u000azolam\"" = 1.7955486088038946,
  "p, control: saline vs \"mida\u000azolam\"" = 0.4573286391489162,
  "qm" = 0.5465057200709003,
  "qm_p" = 0.6052875905568464,
  "qe" = 14.492722011614344,
  "qe_p" = 0.024591218098243415,
  "tau2" = 0.08482396097586135,
  "i2" = 60.07898072557924,
  "h2" = 2.504946061436728,
  "tau2_low" = 0.00018732423838240702,
  "tau2_high" = 0.6835767780447423
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.367, 0, 0.367, 0.367, 1, 0.0373, 0, 0.0373, 0.0373, 1, 0.554, 0, 0.554, 0.554, 1, 1, 1, 1, 1, 0.0639, 1, 1, 0.0639, 0.0639)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
