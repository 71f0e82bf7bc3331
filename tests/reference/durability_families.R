# Reference values for the families of curves that are linear in their coefficients, a random level and slope, and
# moderators of level and decay, from metafor::rma.mv.
# Run from the root of the repository:  Rscript tests/reference/durability_families.R
# Writes tests/curves/data/families.csv and tests/reference/durability_families.csv.
suppressMessages(library(metafor))
g17 <- function(x) sprintf("%.17g", as.numeric(x))

# ---- data: 24 trials, level and slope in log time differ between trials and by route ---------------------------
set.seed(11)
hours <- c(4, 24, 72, 168, 336, 672)
d <- do.call(rbind, lapply(1:24, function(i) {
  t <- sort(sample(hours, sample(2:6, 1)))
  route <- c("iv", "im", "oral")[i %% 3 + 1]
  v <- runif(1, 0.02, 0.08) * seq(1, 1.3, length.out = length(t))
  R <- 0.6^(abs(outer(log(t), log(t), "-")) / log(7))
  e <- as.numeric(t(chol(R * sqrt(outer(v, v)))) %*% rnorm(length(t)))
  level <- 0.25 * rnorm(1)
  slope <- 0.3 * level + 0.08 * rnorm(1)
  x <- log2(t / 70)
  yi <- -0.8 - 0.2 * (route == "iv") + level + (0.1 + 0.05 * (route == "iv") + slope) * x + 0.08 * rnorm(length(t)) + e
  data.frame(cohort_id = sprintf("trial %02d", i), time_hours = t, yi = yi, vi = v, route = route)
}))
d$effect <- seq_len(nrow(d))
V <- vcalc(d$vi, cluster = d$cohort_id, time1 = log(d$time_hours) / log(7), phi = 0.6)
out <- d[c("cohort_id", "time_hours", "yi", "vi", "route")]
for (name in c("yi", "vi")) out[[name]] <- g17(out[[name]])
write.csv(out, "tests/curves/data/families.csv", row.names = FALSE, quote = TRUE)

# ---- designs -----------------------------------------------------------------------------------------------
centre <- exp(mean(log(d$time_hours)))
x <- log2(d$time_hours / centre)
d$x <- x
hat <- function(knots) sapply(seq_along(knots), function(j)
  approx(log(knots), as.numeric(seq_along(knots) == j), log(d$time_hours))$y)
over_trials <- function(column) mean(tapply(column, d$cohort_id, mean))
iv <- (d$route == "iv") - over_trials(d$route == "iv")
oral <- (d$route == "oral") - over_trials(d$route == "oral")
line <- hat(c(4, 672))
designs <- list(
  piecewise = hat(c(4, 72, 672)),
  polynomial = cbind(1, x, x^2),
  steps = sapply(list(c(0, 36), c(36, 240), c(240, 1000)), function(w) (d$time_hours >= w[1] & d$time_hours < w[2]) * 1),
  "moderators" = cbind(line, iv, oral, iv * x, oral * x))

rows <- list()
keep <- function(case, quantity, value)
  rows[[length(rows) + 1]] <<- data.frame(case = case, quantity = quantity, value = g17(value))
# The tightest tolerance that the optimiser reports as reached.
fit_tightly <- function(...) {
  for (tolerance in c(1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8)) {
    control <- list(optimizer = "nlminb", rel.tol = tolerance, iter.max = 5000, eval.max = 5000)
    fit <- tryCatch(suppressWarnings(rma.mv(..., control = control)), error = function(e) NULL)
    if (!is.null(fit)) return(fit)
  }
  stop("no tolerance reached")
}
report <- function(case, fit) {
  for (j in seq_along(coef(fit))) {
    keep(case, paste0("beta", j), coef(fit)[j])
    keep(case, paste0("se", j), fit$se[j])
  }
  keep(case, "loglik", logLik(fit))
}
for (method in c("REML", "ML")) {
  for (name in names(designs)) {
    fit <- fit_tightly(d$yi, V, mods = designs[[name]], intercept = FALSE, random = ~ 1 | cohort_id / effect, data = d,
                       method = method)
    case <- paste(name, method, sep = "|")
    report(case, fit)
    keep(case, "tau2", fit$sigma2[1])
    keep(case, "omega2", fit$sigma2[2])
  }
  for (name in c("line", "moderators")) {
    X <- if (name == "line") line else designs$moderators
    fit <- fit_tightly(d$yi, V, mods = X, intercept = FALSE, random = list(~ x | cohort_id, ~ 1 | effect), struct = "GEN",
                       data = d, method = method)
    case <- paste("random slope", name, method, sep = "|")
    report(case, fit)
    keep(case, "tau2", fit$G[1, 1])
    keep(case, "covariance", fit$G[1, 2])
    keep(case, "slope2", fit$G[2, 2])
    keep(case, "omega2", fit$sigma2)
  }
}
keep("versions", paste("R", getRversion(), "metafor", packageVersion("metafor")), 0)
write.csv(do.call(rbind, rows), "tests/reference/durability_families.csv", row.names = FALSE, quote = TRUE)
