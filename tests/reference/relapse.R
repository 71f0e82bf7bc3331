# Reference values for implied relapse-free curves (ketameta.curves.relapse). Run in this directory: Rscript relapse.R
# Intervals of the difference are found by constrained search over the joint region, another way than ketameta's grid.
suppressMessages(library(metafor))
out <- data.frame()
add <- function(case, quantity, value) out <<- rbind(out, data.frame(case, quantity, value = sprintf("%.17g", value)))
q <- qnorm(0.975)
free <- function(z) exp(-exp(z))
# half-intervals (down, up) of z and of b; the region is (dz / reach)^2 + (db / reach)^2 <= 1
bounds <- function(z, b, rz, rb) {
  f <- function(p, sign) {
    dz <- p[1] * ifelse(p[1] < 0, rz[1], rz[2]); db <- p[2] * ifelse(p[2] < 0, rb[1], rb[2])
    sign * (free(z + dz + b + db) - free(z + dz))
  }
  inside <- function(p) { r <- sqrt(sum(p^2)); if (r > 1) p / r else p }
  sapply(c(1, -1), function(sign) {
    best <- Inf
    for (s in list(c(0, 0), c(.5, .5), c(-.5, .5), c(.5, -.5), c(-.5, -.5), c(.9, 0), c(-.9, 0), c(0, .9), c(0, -.9)))
      best <- min(best, optim(s, function(p) f(inside(p), sign), control = list(reltol = 1e-15, maxit = 5000))$value)
    sign * best
  })
}
one <- function(case, hours, z, rz, b, rb) {
  for (i in seq_along(hours)) {
    h <- hours[i]; zi <- z[i]; r <- rz[[i]]
    add(case, sprintf("relapse_free_c_%g", h), free(zi))
    add(case, sprintf("ci_low_c_%g", h), free(zi + r[2])); add(case, sprintf("ci_high_c_%g", h), free(zi - r[1]))
    add(case, sprintf("relapse_free_t_%g", h), free(zi + b))
    add(case, sprintf("ci_low_t_%g", h), free(zi + b + sqrt(r[2]^2 + rb[2]^2)))
    add(case, sprintf("ci_high_t_%g", h), free(zi + b - sqrt(r[1]^2 + rb[1]^2)))
    lim <- bounds(zi, b, r, rb)
    add(case, sprintf("rd_ci_low_%g", h), lim[1]); add(case, sprintf("rd_ci_high_%g", h), lim[2])
  }
}
# one trial: log HR and its standard error from the printed interval, as metafor pools them (k = 1)
yi <- log(c(0.49, 0.30)); vi <- c((log(0.84 / 0.29) / (2 * q))^2, (log(0.55 / 0.16) / (2 * q))^2)
hr <- rma(yi[1], vi[1], method = "FE"); b <- c(hr$beta); rb <- c(b - hr$ci.lb, hr$ci.ub - b)
add("hr", "estimate", b); add("hr", "ci_low", hr$ci.lb); add("hr", "ci_high", hr$ci.ub)
both <- rma(yi, vi, method = "REML", test = "z")
add("both", "estimate", c(both$beta)); add("both", "ci_low", both$ci.lb); add("both", "ci_high", both$ci.ub)
hours <- c(1000, 3000, 6552)
# exponential, median 6552 h with interval 2328 to 12000
z <- log(log(2)) + log(hours / 6552)
one("median", hours, z, rep(list(c(log(12000 / 6552), log(6552 / 2328))), 3), b, rb)
# Weibull of shape 0.7 through the same median
z <- log(log(2)) + 0.7 * log(hours / 6552)
one("shape", hours, z, rep(list(0.7 * c(log(12000 / 6552), log(6552 / 2328))), 3), b, rb)
# Weibull through two points with intervals
t <- c(2016, 4032); s <- c(0.7, 0.6); lo <- c(0.6, 0.48); hi <- c(0.8, 0.7)
cl <- function(s) log(-log(s))
v <- ((cl(lo) - cl(hi)) / (2 * q))^2
vlogs <- v * log(s)^2                       # variance of log S; increments independent: cov(log S1, log S2) = var(log S1)
cov12 <- vlogs[1] / (log(s[1]) * log(s[2]))
shape <- diff(cl(s)) / diff(log(t)); hours <- c(1000, 2016, 4032)
z <- cl(s[1]) + shape * log(hours / t[1])
w <- log(hours / t[1]) / log(t[2] / t[1])
se <- sqrt((1 - w)^2 * v[1] + w^2 * v[2] + 2 * w * (1 - w) * cov12)
add("points", "shape", shape)
one("points", hours, z, lapply(se, function(x) q * c(x, x)), b, rb)
add("points", "median_c", exp(log(t[1]) + (cl(0.5) - cl(s[1])) / shape))
add("points", "median_t", exp(log(t[1]) + (cl(0.5) - b - cl(s[1])) / shape))
# rate: 20 relapses in 40 person-years, exact Poisson interval
ci <- poisson.test(20, 40)$conf.int; hours <- c(1000, 8766)
z <- log(20 / 40 * hours / 8766)
one("rate", hours, z, rep(list(c(log(0.5 / ci[1]), log(ci[2] / 0.5))), 2), b, rb)
add("rate", "rate_c", 50); add("rate", "rate_c_low", 100 * ci[1]); add("rate", "rate_c_high", 100 * ci[2])
write.csv(out, "relapse.csv", row.names = FALSE, quote = FALSE)
