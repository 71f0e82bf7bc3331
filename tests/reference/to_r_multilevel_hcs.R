# ketameta: Multilevel model, sampling errors correlated 0.3 within cohort_id, random effects occasion | cohort_id (HCS) by ML; 95% intervals, normal and chi-square tests
# Data: ketameta VERSION; user data; 16 rows, SHA-256 afab85d5fd74
# rma.mv() searches the variances by values of the likelihood alone, which fixes them to fewer digits; where a component lies at the edge of its range, the search may end with an error.

suppressMessages(library(metafor))

d <- data.frame(
  label = c("Study 1", "Study 2", "Study 3", "Study 4", "Study 5", "Study 6", "Study 7", "Study 8", "Study 9",
    "Study 10", "Study 11", "Study 12", "Study 13", "Study 14", "Study 15", "Study 16"),
  yi = c(-0.35334320190719287, -0.3562027828456857, -0.7504586753153241, -0.7197424080124801,
    -0.3452125350033263, -0.22252346351377428, -1.1112628605266057, -0.728845298977967,
    -0.39450189639654865, -0.07523427377341335, -0.7397119552279204, -0.4965719990016905,
    -0.4203482314769078, -0.39024034565634014, -0.5392724356753837, -0.6556049806083003),
  group1 = c("trial 0", "trial 0", "trial 1", "trial 1", "trial 2", "trial 2", "trial 3", "trial 3", "trial 4",
    "trial 4", "trial 5", "trial 5", "trial 6", "trial 6", "trial 7", "trial 7"),
  inner1 = c(1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2),
  stringsAsFactors = FALSE
)
X <- matrix(c(
  c(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
), nrow = 16)
colnames(X) <- c("intercept")
V <- diag(c(0.03, 0.03, 0.034, 0.034, 0.038, 0.038, 0.041999999999999996, 0.041999999999999996, 0.03, 0.03,
    0.034, 0.034, 0.038, 0.038, 0.041999999999999996, 0.041999999999999996), nrow(d))
at <- cbind(c(1, 3, 5, 7, 9, 11, 13, 15),
  c(2, 4, 6, 8, 10, 12, 14, 16))
V[at] <- c(0.009, 0.010199999999999999, 0.011399999999999999, 0.012599999999999997, 0.009, 0.010199999999999999,
    0.011399999999999999, 0.012599999999999997)
V[at[, 2:1, drop = FALSE]] <- V[at]

fit <- rma.mv(yi, V, mods = X, intercept = FALSE, data = d, random = list(~ factor(inner1) | group1), struct = c("HCS"), test = "z",
  method = "ML", level = 95, control = list(optimizer = "nlminb", rel.tol = 1e-10, iter.max = 5000, eval.max = 5000))
print(fit)

found <- c(
  "estimate, intercept" = fit$beta[[1]],
  "se, intercept" = fit$se[[1]],
  "ci_low, intercept" = fit$ci.lb[[1]],
  "ci_high, intercept" = fit$ci.ub[[1]],
  "p, intercept" = fit$pval[[1]],
  "tau2(occasion = 0 | cohort_id)" = fit$tau2[1],
  "tau2(occasion = 1 | cohort_id)" = fit$tau2[2],
  "rho(occasion | cohort_id)" = fit$rho[1],
  "qm" = fit$QM,
  "qm_p" = fit$QMp,
  "qe" = fit$QE,
  "loglik" = as.numeric(logLik(fit))
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate, intercept" = -0.5082403664052456,
  "se, intercept" = 0.07817197617838641,
  "ci_low, intercept" = -0.661454624315206,
  "ci_high, intercept" = -0.3550261084952852,
  "p, intercept" = 7.948744518800423e-11,
  "tau2(occasion = 0 | cohort_id)" = 0.027011379274237027,
  "tau2(occasion = 1 | cohort_id)" = 0.024409676328562377,
  "rho(occasion | cohort_id)" = 1,
  "qm" = 42.27037774025403,
  "qm_p" = 7.948744518800368e-11,
  "qe" = 23.585580521792483,
  "loglik" = 1.9605263352801465
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.0782, 0, 0.0782, 0.0782, 1, 0.036, 0.036, 1, 1, 1, 1, 1)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 0.001 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
