# Reference values for the recovery functions of ketameta.effects.
# Run in this directory: Rscript recovery.R, with metafor >= 4 and estmeansd in the library path.
# Writes recovery_quantiles.csv, recovery_boxcox.csv, recovery_tests.csv, recovery_versions.csv (%.17g).

suppressMessages({
  library(metafor)
  library(estmeansd)
})
set.seed(20240907)

exact <- function(x) if (is.numeric(x)) ifelse(is.na(x), "", sprintf("%.17g", x)) else as.character(x)
put <- function(frame, path) {
  write.table(as.data.frame(lapply(frame, exact)), path, sep = ",", row.names = FALSE, quote = FALSE)
}
five <- function(x) setNames(as.numeric(quantile(x)), c("low", "q1", "median", "q3", "high"))
blank <- function(frame) {
  frame[frame$given == "quartiles", c("low", "high")] <- NA
  frame[frame$given == "extremes", c("q1", "q3")] <- NA
  frame
}

# Nearly normal and skewed samples of both signs: Luo, Wan, Shi and the skewness test.
k <- 96
n <- c(5, 6, 7, 5, 9, 12, sample(5:1500, k - 6, replace = TRUE))
draw <- function(i) {
  x <- switch(i %% 4 + 1, rnorm(n[i], 20, 8), rnorm(n[i], -12, 5), 60 - rexp(n[i], 0.1), rlnorm(n[i], 2, 0.6))
  five(x)
}
luo <- blank(data.frame(given = rep(c("extremes", "quartiles", "all"), length.out = k), n = n,
                        t(sapply(seq_len(k), draw))))
estimate <- with(luo, conv.fivenum(min = low, q1 = q1, median = median, q3 = q3, max = high, n = n,
                                   method = "luo/wan/shi", test = FALSE))
about <- attributes(estimate$mean)
put(cbind(luo, mean = as.numeric(estimate$mean), sd = as.numeric(estimate$sd), statistic = about$tval,
          critical = about$crit, skewed = as.integer(about$sig)), "recovery_quantiles.csv")

# Positive samples: the Box-Cox method by the package of its authors, and again by tight numerical methods.
k <- 90
n <- c(5, 8, 10, sample(12:800, k - 3, replace = TRUE))
positive <- function(i) {
  x <- switch(i %% 5 + 1, rlnorm(n[i], 2, 0.5), rgamma(n[i], 2, 0.2), rweibull(n[i], 2.2, 30),
              30 * rbeta(n[i], 6, 2), abs(rnorm(n[i], 25, 6)) + 0.01)
  five(x)
}
bc <- blank(data.frame(given = rep(c("extremes", "quartiles", "all"), length.out = k), n = n,
                       t(sapply(seq_len(k), positive))))

slope <- D(quote(((u^p - m^p) / (m^p - l^p) - 1)^2), "p")
loss <- function(p, pairs, m) {
  sum(apply(pairs, 1, function(q) ((q[2]^p - m^p) / (m^p - q[1]^p) - 1)^2))
}
best_power <- function(pairs, m) {
  pairs <- pairs / m
  derivative <- function(p) sum(apply(pairs, 1, function(q) eval(slope, list(u = q[2], m = 1, l = q[1], p = p))))
  grid <- c(1e-5, seq(0.001, 3, length.out = 3000))
  best <- which.min(sapply(grid, loss, pairs = pairs, m = 1))
  if (best == length(grid) && derivative(3) < 0) return(3)
  if (best == 1 && derivative(1e-5) > 0) return(0)
  uniroot(derivative, grid[c(max(best - 1, 1), min(best + 1, length(grid)))], tol = 1e-15)$root
}
tight <- function(row) {
  q <- unlist(row[c("low", "q1", "median", "q3", "high")])
  pairs <- matrix(q[c("low", "q1", "high", "q3")], 2)
  pairs <- pairs[!is.na(pairs[, 1]), , drop = FALSE]
  p <- best_power(pairs, q[["median"]])
  g <- if (p == 0) log(q) else (q^p - 1) / p
  size <- row$n
  extremes <- if (is.na(q[["low"]])) NULL else (g[["high"]] - g[["low"]]) / (2 * qnorm((size - 0.375) / (size + 0.25)))
  quartiles <- if (is.na(q[["q1"]])) NULL else (g[["q3"]] - g[["q1"]]) / (2 * qnorm((0.75 * size - 0.125) / (size + 0.25)))
  scale <- mean(c(extremes, quartiles))
  between <- function(l, u) (g[[l]] + g[[u]]) / 2
  location <- switch(
    row$given,
    extremes = {
      w <- 4 / (4 + size^0.75)
      w * between("low", "high") + (1 - w) * g[["median"]]
    },
    quartiles = {
      w <- 0.7 + 0.39 / size
      w * between("q1", "q3") + (1 - w) * g[["median"]]
    },
    all = {
      w <- c(2.2 / (2.2 + size^0.75), 0.7 - 0.72 / size^0.55)
      w[1] * between("low", "high") + w[2] * between("q1", "q3") + (1 - sum(w)) * g[["median"]]
    }
  )
  if (p == 0) {
    mean <- exp(location + scale^2 / 2)
    return(c(power = 0, mean = mean, sd = mean * sqrt(exp(scale^2) - 1)))
  }
  # Integrals in z over the part of the normal within the cut, in pieces of one SD.
  reach <- min((location + 1 / p) / scale, 9 + 2 * scale / (1 + p * location))
  edges <- c(seq(-reach, reach, length.out = ceiling(2 * reach) + 1))
  whole <- function(f) {
    sum(mapply(function(a, b) integrate(f, a, b, rel.tol = 1e-12, subdivisions = 2000L)$value, head(edges, -1), tail(edges, -1)))
  }
  value <- function(z) pmax(p * (location + scale * z) + 1, 0)^(1 / p)
  mass <- whole(dnorm)
  mean <- whole(function(z) dnorm(z) * value(z)) / mass
  c(power = p, mean = mean, sd = sqrt(whole(function(z) dnorm(z) * (value(z) - mean)^2) / mass))
}
authors <- function(row) {
  q <- row[c("low", "q1", "median", "q3", "high")]
  names(q) <- c("min.val", "q1.val", "med.val", "q3.val", "max.val")
  found <- do.call(bc.mean.sd, c(as.list(q[!is.na(q)]), n = row$n, avoid.mc = TRUE))
  c(est_power = found$shape, est_mean = found$est.mean, est_sd = found$est.sd)
}
rows <- split(bc, seq_len(k))
pick <- function(f) t(sapply(rows, function(row) f(as.list(row))))
put(cbind(bc, pick(authors), pick(tight)), "recovery_boxcox.csv")

# Independent and paired comparisons: t, F and P, down to P = 1e-12 and up to 0.99.
k <- 72
n1 <- c(3, 2, 4, sample(3:300, k - 3, replace = TRUE))
n2 <- c(2, 5, 30, sample(3:300, k - 3, replace = TRUE))
t <- c(-0.01, 0.02, rnorm(k - 2, 0, 2.5))
p <- c(1e-12, 1e-8, 1e-5, 0.99, runif(k - 4, 0.0005, 0.9))
difference <- sign(t) * runif(k, 0.5, 15)
value <- function(fit) data.frame(yi = as.numeric(fit$yi), vi = as.numeric(fit$vi))
from_t <- value(suppressWarnings(escalc(measure = "SMD", ti = t, n1i = n1, n2i = n2)))
from_p <- value(suppressWarnings(escalc(measure = "SMD", pi = sign(t) * p, n1i = n1, n2i = n2)))
critical <- qt(p / 2, n1 + n2 - 2, lower.tail = FALSE)
paired <- qt(p / 2, n1 - 1, lower.tail = FALSE)
level <- runif(k, 0.5, 0.995)
put(data.frame(
  n1 = n1, n2 = n2, t = t, p = p, difference = difference, level = level,
  yi_t = from_t$yi, vi_t = from_t$vi, yi_p = from_p$yi, vi_p = from_p$vi,
  sd_f = abs(difference) / abs(t) / sqrt(1 / n1 + 1 / n2), sd_f_paired = abs(difference) / abs(t) * sqrt(n1),
  sd_p = abs(difference) / critical / sqrt(1 / n1 + 1 / n2), sd_p_paired = abs(difference) / paired * sqrt(n1),
  se_p = abs(difference) / critical, se_p_normal = abs(difference) / qnorm(p / 2, lower.tail = FALSE),
  se_ci = abs(difference) / (2 * qt((1 + level) / 2, n1 + n2 - 2)),
  se_ci_normal = abs(difference) / (2 * qnorm((1 + level) / 2))
), "recovery_tests.csv")

put(data.frame(what = c("R", "metafor", "estmeansd", "metaBLUE"),
               version = c(as.character(getRversion()), sapply(c("metafor", "estmeansd", "metaBLUE"),
                                                               function(x) as.character(packageVersion(x))))),
    "recovery_versions.csv")
