# ketameta: Multilevel model, independent sampling errors, random effects time_hours | cohort_id (CAR) by REML; 95% intervals, t and F tests, degrees of freedom by containment
# Data: ketameta VERSION; user data; 20 rows, SHA-256 c0e3b5dd4b32
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
  inner1 = c(4, 24, 72, 24, 168, 24, 72, 168, 4, 24, 168, 24, 72, 24, 168, 336, 4, 24, 72, 168),
  stringsAsFactors = FALSE
)
X <- matrix(c(
  c(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
  c(4, 24, 72, 24, 168, 24, 72, 168, 4, 24, 168, 24, 72, 24, 168, 336, 4, 24, 72, 168)
), nrow = 20)
colnames(X) <- c("intercept", "time_hours")
V <- diag(c(0.03, 0.03, 0.03, 0.034, 0.034, 0.038, 0.038, 0.038, 0.041999999999999996, 0.041999999999999996,
    0.041999999999999996, 0.03, 0.03, 0.034, 0.034, 0.034, 0.038, 0.038, 0.041999999999999996,
    0.041999999999999996), nrow(d))

fit <- rma.mv(yi, V, mods = X, intercept = FALSE, data = d, random = list(~ inner1 | group1), struct = c("CAR"), test = "t", dfs = "contain",
  method = "REML", level = 95, control = list(rho.init = 0.997781, optimizer = "nlminb", rel.tol = 1e-10, iter.max = 5000, eval.max = 5000))
print(fit)

found <- c(
  "estimate, intercept" = fit$beta[[1]],
  "se, intercept" = fit$se[[1]],
  "ci_low, intercept" = fit$ci.lb[[1]],
  "ci_high, intercept" = fit$ci.ub[[1]],
  "p, intercept" = fit$pval[[1]],
  "estimate, time_hours" = fit$beta[[2]],
  "se, time_hours" = fit$se[[2]],
  "ci_low, time_hours" = fit$ci.lb[[2]],
  "ci_high, time_hours" = fit$ci.ub[[2]],
  "p, time_hours" = fit$pval[[2]],
  "tau2(time_hours | cohort_id)" = fit$tau2[1],
  "rho(time_hours | cohort_id)" = fit$rho[1],
  "qm" = fit$QM,
  "qm_p" = fit$QMp,
  "qe" = fit$QE,
  "loglik" = as.numeric(logLik(fit))
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate, intercept" = -0.539552743762718,
  "se, intercept" = 0.10311994102435683,
  "ci_low, intercept" = -0.7918781495445879,
  "ci_high, intercept" = -0.28722733798084804,
  "p, intercept" = 0.0019528767967830914,
  "estimate, time_hours" = 0.0007610414599967875,
  "se, time_hours" = 0.000584926905336991,
  "ci_low, time_hours" = -0.0004678443673556802,
  "ci_high, time_hours" = 0.0019899272873492553,
  "p, time_hours" = 0.20963761927511965,
  "tau2(time_hours | cohort_id)" = 0.05260099390126989,
  "rho(time_hours | cohort_id)" = 1,
  "qm" = 1.692830351144639,
  "qm_p" = 0.20963761927511965,
  "qe" = 37.485693790540935,
  "loglik" = 1.492201373354792
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.103, 0, 0.103, 0.103, 1, 0.000585, 0, 0.000585, 0.000585, 1, 0.036, 1, 1, 1, 1, 1)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 0.001 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
