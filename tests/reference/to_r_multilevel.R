# ketameta: Multilevel model, sampling errors correlated 0.5 within cohort_id, random effects cohort_id, cohort_id/id by REML; 95% intervals, t and F tests, degrees of freedom by containment
# Data: ketameta VERSION; user data; 20 rows, SHA-256 cf78e17ac5dd
# rma.mv() searches the variances by values of the likelihood alone, which fixes them to fewer digits; where a component lies at the edge of its range, the search may end with an error.

suppressMessages(library(metafor))

d <- data.frame(
  label = c("Study 1", "Study 2", "Study 3", "Study 4", "Study 5", "Study 6", "Study 7", "Study 8", "Study 9",
    "Study 10", "Study 11", "Study 12", "Study 13", "Study 14", "Study 15", "Study 16", "Study 17",
    "Study 18", "Study 19", "Study 20"),
  yi = c(-0.35334320190719287, -0.3562027828456857, -0.16886061177082134, -0.7504586753153241,
    -0.7197424080124801, -0.3452125350033263, -0.22252346351377428, 0.03280311281343873,
    -1.1112628605266057, -0.728845298977967, -0.5511689218135112, -0.39450189639654865,
    -0.07523427377341335, -0.7397119552279204, -0.4965719990016905, -0.6016176539211244,
    -0.4203482314769078, -0.39024034565634014, -0.5392724356753837, -0.6556049806083003),
  group1 = c("trial 0", "trial 0", "trial 0", "trial 1", "trial 1", "trial 2", "trial 2", "trial 2", "trial 3",
    "trial 3", "trial 3", "trial 4", "trial 4", "trial 5", "trial 5", "trial 5", "trial 6", "trial 6",
    "trial 7", "trial 7"),
  group2 = c("trial 0/0", "trial 0/1", "trial 0/2", "trial 1/3", "trial 1/4", "trial 2/5", "trial 2/6",
    "trial 2/7", "trial 3/8", "trial 3/9", "trial 3/10", "trial 4/11", "trial 4/12", "trial 5/13",
    "trial 5/14", "trial 5/15", "trial 6/16", "trial 6/17", "trial 7/18", "trial 7/19"),
  stringsAsFactors = FALSE
)
X <- matrix(c(
  c(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
), nrow = 20)
colnames(X) <- c("intercept")
V <- diag(c(0.03, 0.03, 0.03, 0.034, 0.034, 0.038, 0.038, 0.038, 0.041999999999999996, 0.041999999999999996,
    0.041999999999999996, 0.03, 0.03, 0.034, 0.034, 0.034, 0.038, 0.038, 0.041999999999999996,
    0.041999999999999996), nrow(d))
at <- cbind(c(1, 1, 2, 4, 6, 6, 7, 9, 9, 10, 12, 14, 14, 15, 17, 19),
  c(2, 3, 3, 5, 7, 8, 8, 10, 11, 11, 13, 15, 16, 16, 18, 20))
V[at] <- c(0.015, 0.015, 0.015, 0.017, 0.019, 0.019, 0.019, 0.020999999999999998, 0.020999999999999998,
    0.020999999999999998, 0.015, 0.017, 0.017, 0.017, 0.019, 0.020999999999999998)
V[at[, 2:1, drop = FALSE]] <- V[at]

fit <- rma.mv(yi, V, mods = X, intercept = FALSE, data = d, random = list(~ 1 | group1, ~ 1 | group2), struct = c("CS"), test = "t", dfs = "contain",
  method = "REML", level = 95, control = list(optimizer = "nlminb", rel.tol = 1e-10, iter.max = 5000, eval.max = 5000))
print(fit)

found <- c(
  "estimate, intercept" = fit$beta[[1]],
  "se, intercept" = fit$se[[1]],
  "ci_low, intercept" = fit$ci.lb[[1]],
  "ci_high, intercept" = fit$ci.ub[[1]],
  "p, intercept" = fit$pval[[1]],
  "tau2(cohort_id)" = fit$sigma2[1],
  "tau2(cohort_id/id)" = fit$sigma2[2],
  "qm" = fit$QM,
  "qm_p" = fit$QMp,
  "qe" = fit$QE,
  "loglik" = as.numeric(logLik(fit))
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate, intercept" = -0.47542790889912223,
  "se, intercept" = 0.08382422648632654,
  "ci_low, intercept" = -0.6736407077196962,
  "ci_high, intercept" = -0.2772151100785483,
  "p, intercept" = 0.0007572003317653494,
  "tau2(cohort_id)" = 0.027021085184048138,
  "tau2(cohort_id/id)" = 0.00950690165495309,
  "qm" = 32.168457429422205,
  "qm_p" = 0.0007572003317653503,
  "qe" = 34.295347838619605,
  "loglik" = 1.3970157183899907
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.0838, 0, 0.0838, 0.0838, 1, 0.036, 0.036, 1, 1, 1, 1)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 0.001 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
