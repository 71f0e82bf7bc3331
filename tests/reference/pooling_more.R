# Reference values for ketameta.pool beyond pooling.R: estimators of tau2 in two steps and with chosen weights, and
# intervals of tau2 and of the mean by profile likelihood and by the generalised Q statistic.
#
#   Rscript pooling_more.R     (in this directory; needs metafor 5, CompQuadForm, jsonlite; reads pooling_inputs.csv)
#
# Writes pooling_more.csv, pooling_tau2_types.csv, pooling_genq.csv and pooling_more_session.json.
# Numbers are printed with 17 significant digits.

suppressMessages(library(metafor))

text <- function(x) ifelse(is.na(x), "", sprintf("%.17g", x))
write <- function(rows, name) {
  table <- do.call(rbind, rows)
  numeric <- sapply(table, is.numeric)
  table[numeric] <- lapply(table[numeric], text)
  write.csv(table, name, row.names = FALSE, quote = FALSE)
}
both <- function(p) if (is.null(p$pi.lb)) c(NA_real_, NA_real_) else c(p$pi.lb, p$pi.ub)
quiet <- suppressWarnings

inputs <- read.csv("pooling_inputs.csv")
sets <- split(inputs, factor(inputs$dataset, unique(inputs$dataset)))

# The estimators that rma() knows only as weights of the generalised Q statistic are fitted in two goes: tau2 first,
# then the mean with that tau2, for method = "GENQ" would weight the mean by the same weights.
moment <- function(d, w) rma(yi, vi, data = d, method = "GENQ", weights = w)$tau2
first <- function(d, method) rma(yi, vi, data = d, method = method)$tau2
estimators <- list(
  HSk  = function(d) rma(yi, vi, data = d, method = "HSk")$tau2,
  DL2  = function(d) moment(d, 1 / (d$vi + first(d, "DL"))),
  HE2  = function(d) moment(d, 1 / (d$vi + first(d, "HE"))),
  GENQ = function(d) moment(d, 1 / sqrt(d$vi))
)

more <- list()
for (name in names(sets)) for (method in names(estimators)) {
  d <- sets[[name]]
  tau2 <- estimators[[method]](d)
  for (test in c("z", "knha", "adhoc")) {
    f <- quiet(rma(yi, vi, data = d, tau2 = tau2, method = "ML", test = test))
    p <- both(predict(f))
    more[[length(more) + 1]] <- data.frame(
      dataset = name, method = method, test = test, k = f$k, tau2 = tau2, i2 = f$I2, h2 = f$H2,
      loglik = as.numeric(logLik(f)), estimate = as.numeric(f$beta), se = f$se, ci_low = f$ci.lb, ci_high = f$ci.ub,
      stat = f$zval, p = f$pval, pi_low = p[1], pi_high = p[2])
  }
}
write(more, "pooling_more.csv")

# Profile likelihood. The bounds of tau2 are confint()'s, searched with tolerances relative to the data. Those of the
# mean (ML only) are found here: the log-likelihood maximised over tau2 at each mean, by a grid refined by optimize().
profile_mu <- function(d) {
  ll <- function(tau2, mu) sum(dnorm(d$yi, mu, sqrt(d$vi + tau2), log = TRUE))
  span <- max(d$yi) - min(d$yi)
  # Squares of equal steps: dense near 0. No maximum over tau2 lies beyond the largest squared deviation.
  best <- function(mu) {
    top <- max((d$yi - mu)^2)
    grid <- top * seq(0, 1, length.out = 401)^2
    values <- sapply(grid, ll, mu = mu)
    i <- which.max(values)
    inside <- optimize(ll, grid[c(max(1, i - 1), min(401, i + 1))], mu = mu, maximum = TRUE, tol = 1e-12 * top)
    max(values[i], inside$objective)
  }
  start <- optimize(best, range(d$yi), maximum = TRUE, tol = 1e-12 * span)
  # optimize() finds a maximum from values alone, to about 1e-8; the height is what counts below.
  drop <- function(mu) 2 * (start$objective - best(mu)) - qchisq(0.95, 1)
  out <- 0.5 * span
  while (drop(start$maximum - out) < 0 || drop(start$maximum + out) < 0) out <- 2 * out
  c(uniroot(drop, c(start$maximum - out, start$maximum), tol = 1e-14 * out)$root,
    uniroot(drop, c(start$maximum, start$maximum + out), tol = 1e-14 * out)$root)
}

types <- list()
for (name in names(sets)) for (method in c("ML", "REML")) {
  d <- sets[[name]]
  control <- list(threshold = 1e-13 * mean(d$vi), maxiter = 100000)
  f <- quiet(rma(yi, vi, data = d, method = method, control = control))
  t <- quiet(rma(yi, vi, data = d, method = method, test = "knha", control = control))
  top <- 1e6 * (max(d$vi) + var(d$yi))
  ci <- confint(f, type = "PL", control = list(tau2.min = 0, tau2.max = top, tol = 1e-18 * top, maxiter = 100000))
  high <- if (ci$ub.sign == ">") NA_real_ else ci$random[1, 3]
  mu <- if (method == "ML") profile_mu(d) else c(NA_real_, NA_real_)
  z <- both(predict(f)); r <- both(predict(f, predtype = "riley")); k <- both(predict(t))
  types[[length(types) + 1]] <- data.frame(
    dataset = name, method = method, tau2 = f$tau2, loglik = as.numeric(logLik(f)),
    tau2_low = ci$random[1, 2], tau2_high = high, mu_low = mu[1], mu_high = mu[2],
    pi_z_low = z[1], pi_z_high = z[2], pi_t_low = k[1], pi_t_high = k[2], pi_riley_low = r[1], pi_riley_high = r[2])
}
write(types, "pooling_tau2_types.csv")

# Generalised Q. confint() finds its bounds by uniroot() at the default tolerance; here the same distribution function
# (a positive combination of chi-squares, by Farebrother's series) at a tighter series bound and with a tighter search.
# Beside it: the area beyond Q at these bounds by Davies' integral, a second algorithm, and what confint() gives.
tail <- function(d, w) {
  A <- diag(w); one <- rep(1, nrow(d))
  P <- A - tcrossprod(w) / sum(w)
  Q <- as.numeric(t(d$yi) %*% P %*% d$yi)
  function(tau2, davies = FALSE) {
    S <- sqrt(d$vi + tau2)
    lambda <- eigen(P * tcrossprod(S), symmetric = TRUE, only.values = TRUE)$values[seq_len(nrow(d) - 1)]
    if (!davies) return(CompQuadForm::farebrother(Q, lambda, maxit = 1e6, eps = 1e-14)$Qq)
    # Davies' integral fails with one or two degrees of freedom; one has a closed form.
    if (length(lambda) == 1) return(pchisq(Q / lambda, 1, lower.tail = FALSE))
    if (length(lambda) == 2) return(NA_real_)
    got <- CompQuadForm::davies(Q, lambda, lim = 1e7, acc = 1e-12)
    if (got$ifault != 0) NA_real_ else got$Qq
  }
}
genq <- list()
for (name in names(sets)) for (weights in c("1/v", "1/sqrt(v)", "1")) {
  d <- sets[[name]]
  w <- switch(weights, "1/v" = 1 / d$vi, "1/sqrt(v)" = 1 / sqrt(d$vi), "1" = rep(1, nrow(d)))
  area <- tail(d, w)
  top <- 1e4 * (max(d$vi) + var(d$yi))
  root <- function(level) {
    if (area(0) >= level) return(0)
    end <- max(d$vi)
    while (area(end) < level && end < 1e12 * max(d$vi)) end <- 4 * end
    uniroot(function(tau2) area(tau2) - level, c(0, end), tol = 1e-17 * end, maxiter = 10000)$root
  }
  bounds <- c(root(0.025), root(0.975))
  f <- rma(yi, vi, data = d, method = "GENQ", weights = w)
  ci <- confint(f, control = list(tau2.max = top))
  genq[[length(genq) + 1]] <- data.frame(
    dataset = name, weights = weights, tau2 = f$tau2, tau2_low = bounds[1], tau2_high = bounds[2],
    davies_low = area(bounds[1], davies = TRUE), davies_high = area(bounds[2], davies = TRUE),
    confint_low = ci$random[1, 2], confint_high = ci$random[1, 3])
}
write(genq, "pooling_genq.csv")

jsonlite::write_json(list(
  R = R.version.string, metafor = as.character(packageVersion("metafor")),
  CompQuadForm = as.character(packageVersion("CompQuadForm"))), "pooling_more_session.json", auto_unbox = TRUE, pretty = TRUE)
