# ketameta: Method: natural cubic spline in log time, knots at 4 h, 24 h, 7 d; random effects of trial and of time within trial, REML; correlation 0.6 between 24 h and 7 d (log-time) assumed; t(5) intervals
# X holds the basis of the curve at the measured times; each coefficient is named as in ketameta.
# Data: ketameta VERSION; user data; 20 rows, SHA-256 2535958645ec
# rma.mv() searches the variances by values of the likelihood alone, which fixes them to fewer digits; where a component lies at the edge of its range, the search may end with an error.

suppressMessages(library(metafor))

d <- data.frame(
  label = c("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", ""),
  yi = c(-0.35334320190719287, -0.3562027828456857, -0.16886061177082134, -0.7504586753153241,
    -0.7197424080124801, -0.3452125350033263, -0.22252346351377428, 0.03280311281343873,
    -1.1112628605266057, -0.728845298977967, -0.5511689218135112, -0.39450189639654865,
    -0.07523427377341335, -0.7397119552279204, -0.4965719990016905, -0.6016176539211244,
    -0.4203482314769078, -0.39024034565634014, -0.5392724356753837, -0.6556049806083003),
  hours = c(4, 24, 72, 24, 168, 24, 72, 168, 4, 24, 168, 24, 72, 24, 168, 336, 4, 24, 72, 168),
  trial = c("trial 0", "trial 0", "trial 0", "trial 1", "trial 1", "trial 2", "trial 2", "trial 2", "trial 3",
    "trial 3", "trial 3", "trial 4", "trial 4", "trial 5", "trial 5", "trial 5", "trial 6", "trial 6",
    "trial 7", "trial 7"),
  effect = c(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20),
  stringsAsFactors = FALSE
)
X <- matrix(c(
  c(1, 0, -0.0997586224507902, 0, 0, 0, -0.0997586224507902, 0, 1, 0, 0, 0, -0.0997586224507902, 0, 0,
    0.10070189190958634, 1, 0, -0.0997586224507902, 0),
  c(0, 1, 0.6270395543574708, 1, 0, 1, 0.6270395543574708, 0, 0, 1, 0, 1, 0.6270395543574708, 1, 0,
    -0.5496335907252929, 0, 1, 0.6270395543574708, 0),
  c(0, 0, 0.47271906809331943, 0, 1, 0, 0.47271906809331943, 1, 0, 0, 1, 0, 0.47271906809331943, 0, 1,
    1.4489316988157066, 0, 0, 0.47271906809331943, 1)
), nrow = 20)
colnames(X) <- c("effect at 4 h", "effect at 24 h", "effect at 168 h")
V <- diag(c(0.03, 0.03, 0.03, 0.034, 0.034, 0.038, 0.038, 0.038, 0.041999999999999996, 0.041999999999999996,
    0.041999999999999996, 0.03, 0.03, 0.034, 0.034, 0.034, 0.038, 0.038, 0.041999999999999996,
    0.041999999999999996), nrow(d))
at <- cbind(c(1, 1, 2, 4, 6, 6, 7, 9, 9, 10, 12, 14, 14, 15, 17, 19),
  c(2, 3, 3, 5, 7, 8, 8, 10, 11, 11, 13, 15, 16, 16, 18, 20))
V[at] <- c(0.01874333512423352, 0.014047421211267456, 0.02248386605397459, 0.020399999999999998,
    0.028479563668367815, 0.022799999999999994, 0.030421814396064922, 0.026240669173926926,
    0.015744401504356152, 0.025199999999999993, 0.02248386605397459, 0.020399999999999998,
    0.01700615168300966, 0.02834358613834943, 0.023741557824029126, 0.03362411064828228)
V[at[, 2:1, drop = FALSE]] <- V[at]

fit <- rma.mv(yi, V, mods = X, intercept = FALSE, data = d, random = ~ 1 | trial/effect, sigma2 = c(NA, NA),
  method = "REML", level = 95, control = list(optimizer = "nlminb", rel.tol = 1e-10, iter.max = 5000, eval.max = 5000))
print(fit)

found <- c(
  "estimate, effect at 4 h" = fit$beta[[1]],
  "se, effect at 4 h" = fit$se[[1]],
  "estimate, effect at 24 h" = fit$beta[[2]],
  "se, effect at 24 h" = fit$se[[2]],
  "estimate, effect at 168 h" = fit$beta[[3]],
  "se, effect at 168 h" = fit$se[[3]],
  "tau2" = fit$sigma2[1],
  "omega2" = fit$sigma2[2],
  "loglik" = as.numeric(logLik(fit))
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate, effect at 4 h" = -0.6732422434858872,
  "se, effect at 4 h" = 0.13210103818943447,
  "estimate, effect at 24 h" = -0.5219176891223034,
  "se, effect at 24 h" = 0.10273533881533478,
  "estimate, effect at 168 h" = -0.36714274906187294,
  "se, effect at 168 h" = 0.10738485769795796,
  "tau2" = 0.04244251853062536,
  "omega2" = 0.005534904601859078,
  "loglik" = 3.187823561146552
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.132, 0, 0.103, 0, 0.107, 0, 0.036, 0.036, 1)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 0.001 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
