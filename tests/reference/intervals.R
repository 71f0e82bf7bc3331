# Reference values for the intervals of ketameta.pool beyond those of pooling.R.
#
#   Rscript intervals.R        (in this directory, after pooling.R; needs metafor >= 4, CompQuadForm)
#
# Writes intervals.csv: for each sample of pooling_inputs.csv the profile likelihood interval of tau2 (REML and
# ML), the interval by the generalised Q statistic (weights 1 / sqrt(vi) and 1 / vi), and the variance and degrees
# of freedom of Partlett and Riley (2017), by matrices, at the REML estimate; and intervals_versions.csv.
# Numbers are printed with 17 significant digits.

suppressMessages({library(metafor); library(CompQuadForm)})

inputs <- read.csv("pooling_inputs.csv")
known <- read.csv("pooling_tau2.csv")
p <- function(x) sprintf("%.17g", x)

profile_bounds <- function(d, method) {
  top <- 100 * (max(d$vi) + var(d$yi))
  res <- suppressWarnings(rma(yi, vi, data = d, method = method,
                              control = list(threshold = 1e-13 * mean(d$vi), maxiter = 100000)))
  ci <- suppressWarnings(confint(res, type = "PL",
                                 control = list(tol = 1e-14 * top, maxiter = 100000, tau2.max = 10000 * top)))
  ci$random["tau^2", c("ci.lb", "ci.ub")]
}

# Bounds at which farebrother() gives a Q as large as that observed the probabilities 0.025 and 0.975.
generalised_bounds <- function(d, a) {
  A <- diag(a) - tcrossprod(a) / sum(a)
  q <- drop(crossprod(d$yi, A %*% d$yi))
  tail <- function(tau2) {
    S <- sqrt(d$vi + tau2)
    lambda <- eigen(t(A * S) * S, symmetric = TRUE, only.values = TRUE)$values[seq_along(a[-1])]
    farebrother(q, lambda, maxit = 1e6, eps = 1e-14)$Qq
  }
  solve_for <- function(goal) {
    if (tail(0) > goal) return(0)
    high <- max(d$vi)
    while (tail(high) < goal) high <- 2 * high
    uniroot(function(t) tail(t) - goal, c(0, high), tol = 1e-14 * high, maxiter = 10000)$root
  }
  c(solve_for(0.025), solve_for(0.975))
}

kenward_roger <- function(d, tau2) {
  V <- diag(d$vi + tau2)
  W <- solve(V)
  X <- matrix(1, nrow(d), 1)
  phi <- solve(t(X) %*% W %*% X)
  P <- W - W %*% X %*% phi %*% t(X) %*% W
  information <- 0.5 * sum(diag(P %*% P))
  dP <- -t(X) %*% W %*% W %*% X
  dQ <- t(X) %*% W %*% W %*% W %*% X
  variance <- phi + 2 * phi %*% ((dQ - dP %*% phi %*% dP) / information) %*% phi
  c(variance, 2 * information / (variance * sum(diag(W %*% W)))^2)
}

rows <- lapply(unique(inputs$dataset), function(name) {
  d <- inputs[inputs$dataset == name, c("yi", "vi")]
  tau2 <- known$tau2[known$dataset == name & known$method == "REML"]
  found <- c(profile_bounds(d, "REML"), profile_bounds(d, "ML"), generalised_bounds(d, 1 / sqrt(d$vi)),
             generalised_bounds(d, 1 / d$vi), kenward_roger(d, tau2))
  if (nrow(d) <= 60) {
    res <- suppressWarnings(rma(yi, vi, data = d, method = "GENQ", weights = 1 / sqrt(vi)))
    ci <- suppressWarnings(confint(res, control = list(tol = 1e-13, maxiter = 100000, tau2.max = 1000)))
    metafor <- ci$random["tau^2", c("ci.lb", "ci.ub")]
  } else metafor <- c(NA, NA)
  message(name)
  data.frame(dataset = name, t(p(c(found, metafor))))
})
table <- do.call(rbind, rows)
names(table) <- c("dataset", "reml_low", "reml_high", "ml_low", "ml_high", "genq_low", "genq_high", "q_low",
                  "q_high", "kr_variance", "kr_df", "metafor_genq_low", "metafor_genq_high")
write.csv(table, "intervals.csv", row.names = FALSE, quote = FALSE)
versions <- data.frame(software = c("R", "metafor", "CompQuadForm"),
                       version = c(as.character(getRversion()), as.character(packageVersion("metafor")),
                                   as.character(packageVersion("CompQuadForm"))))
write.csv(versions, "intervals_versions.csv", row.names = FALSE, quote = FALSE)
