# Reference values for ketameta.curves, from metafor::rma.mv.
# Run from the root of the repository:  Rscript tests/reference/durability.R
# Writes tests/curves/data/{ishak2007,fine1993,simulated}.csv and tests/reference/durability.csv.
suppressMessages({
  library(metafor)
  library(metadat)
  library(splines)
})

DATA <- "tests/curves/data"
g17 <- function(x) ifelse(is.na(x), "", sprintf("%.17g", x))
write_data <- function(d, name) {
  for (column in names(d)) if (is.double(d[[column]])) d[[column]] <- g17(d[[column]])
  write.csv(d, file.path(DATA, paste0(name, ".csv")), row.names = FALSE, quote = TRUE)
}
read_data <- function(name) read.csv(file.path(DATA, paste0(name, ".csv")), stringsAsFactors = FALSE)

# ---- data ----------------------------------------------------------------------------------------
# Ishak et al. 2007: deep-brain stimulation, UPDRS mean difference at up to four follow-ups. The follow-ups
# stand six days apart here, so that correlation "days" with rho is an AR(1) over follow-ups.
wide <- dat.ishak2007
long <- do.call(rbind, lapply(1:4, function(j) data.frame(
  cohort_id = wide$study, time_hours = j * 144, yi = wide[[paste0("y", j, "i")]],
  vi = wide[[paste0("v", j, "i")]], measure = "MD")))
write_data(long[!is.na(long$yi), ], "ishak2007")

# Fine et al. 1993: survival at 6, 12, 18 and 24 months, log odds ratio.
wide <- dat.fine1993
long <- do.call(rbind, lapply(1:4, function(j) {
  e <- escalc("OR", ai = wide[[paste0("e", j, "i")]], n1i = wide$nei, ci = wide[[paste0("c", j, "i")]],
              n2i = wide$nci)
  data.frame(cohort_id = paste("study", wide$study), time_hours = j * 6 * 730.5, yi = as.numeric(e$yi),
             vi = as.numeric(e$vi), measure = "OR")
}))
write_data(long[!is.na(long$yi), ], "fine1993")

# Simulated: 20 trials, effect -0.9 exp(-t / 300 h), trial and within-trial heterogeneity, drop-out.
set.seed(20)
hours <- c(4, 24, 72, 168, 336, 672)
long <- do.call(rbind, lapply(1:20, function(i) {
  t <- sort(sample(hours, sample(1:5, 1)))
  n <- sample(15:60, 1)
  n_t <- n - seq_along(t) %/% 2
  n_c <- n - seq_along(t) %/% 3
  r <- 0.6^(abs(outer(log(t), log(t), "-")) / log(7))
  e <- as.numeric(t(chol(r)) %*% rnorm(length(t))) * sqrt(2 / n)
  yi <- -0.9 * exp(-t / 300) + 0.25 * rnorm(1) + 0.12 * rnorm(length(t)) + e
  data.frame(cohort_id = sprintf("trial %02d", i), time_hours = t, yi = yi,
             vi = 1 / n_t + 1 / n_c + yi^2 / (2 * (n_t + n_c)), n_t = n_t, n_c = n_c, measure = "SMD")
}))
write_data(long, "simulated")

# The example in the docstring of durability().
example <- data.frame(
  cohort_id = c("a", "a", "a", "b", "b", "c", "c", "d", "d", "d"),
  time_hours = c(4, 24, 168, 24, 72, 24, 168, 4, 72, 168),
  yi = c(-0.9, -0.8, -0.3, -0.6, -0.5, -1.0, -0.4, -0.7, -0.6, -0.2),
  vi = c(0.08, 0.08, 0.09, 0.05, 0.05, 0.12, 0.11, 0.10, 0.09, 0.10), measure = "")

sypres <- read_data("sypres_psilodep")
sypres$cohort_id <- sypres$study_id
sypres$time_hours <- sypres$time_days * 24
sypres$vi <- sypres$sei^2
sypres$measure <- "SMD"

# ---- sampling covariance -------------------------------------------------------------------------
covariance <- function(d, rho, correlation) {
  x <- switch(correlation, "log-time" = log(d$time_hours) / log(7), days = d$time_hours / 144, constant = 0)
  if (d$measure[1] != "SMD") {
    if (correlation == "constant")
      return(vcalc(d$vi, cluster = d$cohort_id, obs = seq_len(nrow(d)), rho = rho))
    return(vcalc(d$vi, cluster = d$cohort_id, time1 = x, phi = rho))
  }
  n <- nrow(d)
  V <- matrix(0, n, n)
  for (i in 1:n) for (j in 1:n) if (d$cohort_id[i] == d$cohort_id[j]) {
    r <- if (i == j) 1 else if (correlation == "constant") rho else rho^abs(x[i] - x[j])
    term <- function(a, b, r) {
      nt <- max(d$n_t[a], d$n_t[b])
      nc <- max(d$n_c[a], d$n_c[b])
      r * (1 / nt + 1 / nc) + r^2 * d$yi[a] * d$yi[b] / (2 * (nt + nc))
    }
    V[i, j] <- term(i, j, r) / sqrt(term(i, i, 1) * term(j, j, 1)) * sqrt(d$vi[i] * d$vi[j])
  }
  V
}

# ---- fits ----------------------------------------------------------------------------------------
out <- list()
keep <- function(case, quantity, value) out[[length(out) + 1]] <<- data.frame(
  case = case, quantity = quantity, value = g17(as.numeric(value)))

# rma.mv compares values of the likelihood, which fixes a variance to seven digits or so. Its optimum is then
# polished on the dense score equations (Fisher scoring), and rma.mv evaluated at the polished variances.
polish <- function(d, V, X, method, sigma2) {
  same <- outer(d$cohort_id, d$cohort_id, "==") * 1
  parts <- list(same, diag(nrow(d)))
  free <- sigma2 > 1e-6 * max(diag(V))
  sigma2[!free] <- 0
  for (step in 1:100) {
    W <- solve(V + sigma2[1] * parts[[1]] + sigma2[2] * parts[[2]])
    P <- W - W %*% X %*% solve(t(X) %*% W %*% X, t(X) %*% W)
    Q <- if (method == "REML") P else W
    score <- sapply(parts, function(M) -sum(Q * M) / 2 + sum((P %*% d$yi) * (M %*% P %*% d$yi)) / 2)
    info <- sapply(parts, function(A) sapply(parts, function(B) sum((Q %*% A) * t(Q %*% B)) / 2))
    change <- rep(0, 2)
    if (any(free)) change[free] <- solve(info[free, free, drop = FALSE], score[free])
    sigma2 <- sigma2 + change
    if (all(abs(change) <= 1e-14 * max(sigma2))) break
  }
  stopifnot(all(abs(score[free] * sigma2[free]) < 1e-9), all(score[!free] <= 0), all(sigma2 >= 0))
  sigma2
}

raw <- function(d, V, X, method, sigma2, tolerance) {
  d$effect <- seq_len(nrow(d))
  control <- list(optimizer = "nlminb", rel.tol = tolerance, iter.max = 5000, eval.max = 5000)
  suppressWarnings(rma.mv(d$yi, V, mods = X, intercept = FALSE, random = ~ 1 | cohort_id / effect, data = d,
                          method = method, sigma2 = sigma2, control = control))
}

mv <- function(d, V, X, method, sigma2 = c(NA, NA)) {
  if (!anyNA(sigma2)) return(raw(d, V, X, method, sigma2, 1e-10))
  found <- raw(d, V, X, method, sigma2, 1e-10)
  fit <- raw(d, V, X, method, polish(d, V, X, method, found$sigma2), 1e-10)
  moved <<- max(moved, abs(fit$sigma2 - found$sigma2) / max(found$sigma2, 1e-3))
  stopifnot(logLik(fit) >= logLik(found) - 1e-9)
  fit
}
moved <- 0

spline_case <- function(name, d, correlation, rho, method, probs) {
  times <- if (length(probs) == 4) unique(d$time_hours) else d$time_hours
  knots <- exp(quantile(log(times), probs))
  case <- paste(name, "spline", correlation, rho, method, sep = "|")
  K <- length(knots)
  basis <- function(h) ns(log(h), knots = log(knots[-c(1, K)]), Boundary.knots = log(knots[c(1, K)]),
                          intercept = TRUE)
  V <- covariance(d, rho, correlation)
  fit <- mv(d, V, unclass(basis(d$time_hours))[, 1:K], method)
  at <- exp(seq(log(min(d$time_hours)), log(max(d$time_hours)), length.out = 5))
  at[c(1, 5)] <- range(d$time_hours)
  X <- unclass(basis(at))[, 1:K]
  estimate <- as.numeric(X %*% coef(fit))
  se <- sqrt(diag(X %*% vcov(fit) %*% t(X)))
  half <- qt(0.975, max(length(unique(d$cohort_id)) - K, 1))
  for (j in 1:5) {
    keep(case, paste0("hours", j), at[j])
    keep(case, paste0("estimate", j), estimate[j])
    keep(case, paste0("se", j), se[j])
    keep(case, paste0("ci_low", j), estimate[j] - half * se[j])
    keep(case, paste0("pi_high", j), estimate[j] + half * sqrt(se[j]^2 + sum(fit$sigma2)))
  }
  for (j in 1:K) keep(case, paste0("knot", j), knots[j])
  keep(case, "tau2", fit$sigma2[1])
  keep(case, "omega2", fit$sigma2[2])
  keep(case, "loglik", logLik(fit))
}

exponential_case <- function(name, d, correlation, rho) {
  case <- paste(name, "exponential", correlation, rho, sep = "|")
  V <- covariance(d, rho, correlation)
  since <- d$time_hours - min(d$time_hours)
  at <- function(rate) mv(d, V, cbind(exp(-rate * since)), "ML")
  ll <- function(rate) as.numeric(logLik(at(rate)))
  coarse <- c(0, exp(seq(log(log(2) / 2e6), log(log(2) / 10), length.out = 40)))
  best <- which.max(sapply(coarse, ll))
  rate <- 0
  if (best > 1) rate <- exp(optimize(function(u) ll(exp(u)), log(coarse[c(best - 1, best + 1)]),
                                     maximum = TRUE, tol = 1e-10)$maximum)
  highest <- ll(rate)
  drop <- function(r) 2 * (highest - ll(r)) - qchisq(0.95, 1)
  fit <- at(rate)
  keep(case, "loglik", logLik(fit))
  keep(case, "rate", rate)
  keep(case, "tau2|ML", fit$sigma2[1])
  keep(case, "omega2|ML", fit$sigma2[2])
  keep(case, "amplitude|ML", coef(fit))
  keep(case, "rate_low", if (drop(0) < 0) 0 else uniroot(drop, c(0, rate), tol = 1e-13)$root)
  keep(case, "rate_high", uniroot(drop, c(rate, max(rate * 100, 0.1)), tol = 1e-13)$root)
  tangent <- function(h, a) cbind(exp(-rate * h), -a * h * exp(-rate * h))
  probe <- c(24, 168) - min(d$time_hours)
  for (method in c("ML", "REML")) {
    sigma2 <- if (method == "ML") fit$sigma2 else mv(d, V, tangent(since, coef(fit)), "REML")$sigma2
    a <- as.numeric(coef(mv(d, V, cbind(exp(-rate * since)), "ML", sigma2)))
    J <- mv(d, V, tangent(since, a), "ML", sigma2)
    P <- tangent(probe, a)
    se <- sqrt(diag(P %*% vcov(J) %*% t(P)))
    keep(case, paste0("tau2|", method), sigma2[1])
    keep(case, paste0("omega2|", method), sigma2[2])
    for (j in 1:2) {
      keep(case, paste0("estimate", j, "|", method), a * exp(-rate * probe[j]))
      keep(case, paste0("se", j, "|", method), se[j])
    }
  }
}

ishak <- read_data("ishak2007")
fine <- read_data("fine1993")
simulated <- read_data("simulated")
three <- c(0.1, 0.5, 0.9)
four <- c(0.05, 0.35, 0.65, 0.95)
for (method in c("REML", "ML")) {
  spline_case("ishak2007", ishak, "days", 0.97, method, three)
  spline_case("ishak2007", ishak, "log-time", 0.6, method, three)
  spline_case("fine1993", fine, "constant", 0.7, method, three)
  spline_case("sypres_psilodep", sypres, "log-time", 0.6, method, four)
  spline_case("sypres_psilodep", sypres, "days", 0.8, method, four)
  spline_case("sypres_psilodep", sypres, "constant", 0.6, method, four)
  spline_case("simulated", simulated, "log-time", 0.6, method, four)
  spline_case("example", example, "log-time", 0.6, method, c(0, 1))
}
exponential_case("simulated", simulated, "log-time", 0.6)
exponential_case("sypres_psilodep", sypres, "log-time", 0.6)
exponential_case("fine1993", fine, "constant", 0.7)

first <- ishak[ishak$time_hours == 144, ]
for (method in c("REML", "ML")) {
  fit <- rma(first$yi, first$vi, method = method, control = list(threshold = 1e-13, maxiter = 1000))
  case <- paste("ishak2007 first follow-up", "univariate", method, sep = "|")
  keep(case, "estimate1", coef(fit))
  keep(case, "se1", fit$se)
  keep(case, "tau2", fit$tau2)
  keep(case, "loglik", logLik(fit))
}

table <- do.call(rbind, out)
table <- table[!duplicated(table[c("case", "quantity")]), ]
write.csv(table, "tests/reference/durability.csv", row.names = FALSE, quote = FALSE)
cat(R.version.string, "metafor", as.character(packageVersion("metafor")), "metadat",
    as.character(packageVersion("metadat")), "\n")
cat("largest relative move of a variance in polishing:", moved, "\n")
