# ketameta: Method: straight lines in log time, knots at 4 h, 3 d, 14 d; random effects of trial and of time within trial, REML; correlation 0.6 between 24 h and 7 d (log-time) assumed; normal intervals
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
  c(1, 0.3800937667159342, 0, 0.3800937667159342, 0, 0.3800937667159342, 0, 0, 1, 0.3800937667159342, 0,
    0.3800937667159342, 0, 0.3800937667159342, 0, 0, 1, 0.3800937667159342, 0, 0),
  c(0, 0.6199062332840658, 1, 0.6199062332840658, 0.44996553731885236, 0.6199062332840658, 1,
    0.44996553731885236, 0, 0.6199062332840658, 0.44996553731885236, 0.6199062332840658, 1,
    0.6199062332840658, 0.44996553731885236, 0, 0, 0.6199062332840658, 1, 0.44996553731885236),
  c(0, 0, 0, 0, 0.5500344626811476, 0, 0, 0.5500344626811476, 0, 0, 0.5500344626811476, 0, 0, 0,
    0.5500344626811476, 1, 0, 0, 0, 0.5500344626811476)
), nrow = 20)
colnames(X) <- c("effect at 4 h", "effect at 72 h", "effect at 336 h")
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
  "estimate, effect at 72 h" = fit$beta[[2]],
  "se, effect at 72 h" = fit$se[[2]],
  "estimate, effect at 336 h" = fit$beta[[3]],
  "se, effect at 336 h" = fit$se[[3]],
  "tau2" = fit$sigma2[1],
  "omega2" = fit$sigma2[2],
  "loglik" = as.numeric(logLik(fit))
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate, effect at 4 h" = -0.7071288183560874,
  "se, effect at 4 h" = 0.12224914390411237,
  "estimate, effect at 72 h" = -0.38534234572155307,
  "se, effect at 72 h" = 0.10474425449202482,
  "estimate, effect at 336 h" = -0.3889960661550963,
  "se, effect at 336 h" = 0.13529505947144838,
  "tau2" = 0.03778720106340443,
  "omega2" = 0.0045073293661694975,
  "loglik" = 3.746973580954603
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.122, 0, 0.105, 0, 0.135, 0, 0.036, 0.036, 1)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 0.001 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
