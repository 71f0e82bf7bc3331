# ketameta: Mixed-effects meta-regression, residual tau2 by HE2, inverse-variance weights; 95% Wald intervals and chi-square tests; intervals of tau2, I2 and H2 by Q-profile
# Moderators: year
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
  c(-12, -6, -2, 1, 6, 7, 8, 10, 12)
), nrow = 9)
colnames(X) <- c("intercept", "year")

first <- rma(yi, vi, mods = X, intercept = FALSE, data = d, method = "HE")
moment <- rma(yi, vi, mods = X, intercept = FALSE, data = d, method = "GENQ", weights = 1 / (d$vi + first$tau2))
fit <- rma(yi, vi, mods = X, intercept = FALSE, data = d, slab = label, tau2 = moment$tau2, test = "z", level = 95)
spread <- confint(rma(yi, vi, mods = X, intercept = FALSE, data = d, method = "DL"), level = 95, control = list(tol = 3e-15, tau2.max = 100, maxiter = 100000))$random["tau^2", c("ci.lb", "ci.ub")]
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
  "estimate, intercept" = -0.5444454205700257,
  "se, intercept" = 0.13467693878311168,
  "ci_low, intercept" = -0.8084073701330301,
  "ci_high, intercept" = -0.28048347100702115,
  "p, intercept" = 5.286103958615612e-05,
  "estimate, year" = 0.011841415557452602,
  "se, year" = 0.017005038669127084,
  "ci_low, year" = -0.021487847789747414,
  "ci_high, year" = 0.04517067890465262,
  "p, year" = 0.4862112551833774,
  "qm" = 0.4848997910274176,
  "qm_p" = 0.48621125518337716,
  "qe" = 15.205082779822863,
  "qe_p" = 0.033458580155119516,
  "tau2" = 0.08198544703586007,
  "i2" = 59.413724198477844,
  "h2" = 2.4638870658896366,
  "tau2_low" = 0,
  "tau2_high" = 0.5622898921287228
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.135, 0, 0.135, 0.135, 1, 0.017, 0, 0.017, 0.017, 1, 1, 1, 1, 1, 0.0639, 1, 1, 0.0639, 0.0639)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
