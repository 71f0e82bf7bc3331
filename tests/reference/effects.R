# Reference values for ketameta.effects from metafor's escalc.
# Run in this directory: Rscript effects.R
# Writes effects_continuous.csv, effects_binary.csv, effects_ratios.csv and effects_versions.csv
# (numbers as %.17g). A value that escalc does not define is NA or NaN.

suppressMessages(library(metafor))
set.seed(20240611)
k <- 120

exact <- function(x) if (is.numeric(x)) sprintf("%.17g", x) else as.character(x)
put <- function(frame, path) {
  write.table(as.data.frame(lapply(frame, exact)), path, sep = ",", row.names = FALSE, quote = FALSE)
}
both <- function(name, result) {
  setNames(data.frame(as.numeric(result$yi), as.numeric(result$vi)), paste0(c("yi_", "vi_"), name))
}

# Two-arm trials with unequal arms, summarised from simulated participants. Rows 61-80 are in a unit
# 10,000 times as large, 81-100 in one 10,000 times as small; in rows 101-120 the standard deviations
# differ by a factor of 5 to 50.
n1 <- c(2, 2, 3, 3, 3, 4, 5, sample(3:250, k - 7, replace = TRUE))
n2 <- c(2, 3, 2, 3, 4, 3, 40, sample(3:250, k - 7, replace = TRUE))
pairs <- c(2, 2, 3, 4, sample(3:120, k - 4, replace = TRUE))
r <- sample(seq(-0.3, 0.95, length.out = k))
unit <- rep(c(1, 1e-4, 1e4, 1), c(60, 20, 20, 20))
sigma1 <- c(runif(100, 2, 14), runif(10, 0.4, 2), runif(10, 10, 20))
sigma2 <- c(runif(100, 2, 14), runif(10, 10, 20), runif(10, 0.4, 2))
arm <- function(n, mean, sd, unit) {
  x <- unit * rnorm(n, mean, sd)
  c(mean(x), sd(x))
}
first <- t(mapply(arm, n1, runif(k, 40, 60), sigma1, unit))
second <- t(mapply(arm, n2, runif(k, 40, 60), sigma2, unit))
change <- unit * matrix(runif(2 * k, -18, 9), k)
d <- data.frame(m1 = first[, 1], sd1 = first[, 2], n1 = n1, m2 = second[, 1], sd2 = second[, 2],
                n2 = n2, change1 = change[, 1], change2 = change[, 2], pairs = pairs, r = r)

two <- function(measure, data = d, ...) {
  suppressWarnings(escalc(measure = measure, m1i = m1, sd1i = sd1, n1i = n1, m2i = m2, sd2i = sd2,
                          n2i = n2, data = data, ...))
}
one <- function(measure, data = d) {
  suppressWarnings(escalc(measure = measure, m1i = m1, sd1i = sd1, m2i = m2, sd2i = sd2, ni = pairs,
                          ri = r, data = data))
}
changed <- transform(d, m1 = change1, m2 = change2)
negative <- transform(d, m1 = -m1, m2 = -m2)
columns <- list(d)
for (measure in c("MD", "SMD", "SMDH", "SMD1")) {
  columns <- c(columns, list(both(measure, two(measure)), both(paste0(measure, "_change"), two(measure, changed))))
}
for (measure in c("MC", "SMCC", "SMCR")) {
  columns <- c(columns, list(both(measure, one(measure)), both(paste0(measure, "_change"), one(measure, changed))))
}
# SMCRP came to metafor after 3.8: its formulas (Cousineau 2020) on R's own log-gamma.
smcrp <- function(data) {
  df <- 2 * (data$pairs - 1) / (1 + data$r^2)
  j <- exp(lgamma(df / 2) - log(df / 2) / 2 - lgamma((df - 1) / 2))
  yi <- j * (data$m1 - data$m2) / sqrt((data$sd1^2 + data$sd2^2) / 2)
  list(yi = yi, vi = 2 * (1 - data$r) / data$pairs + yi^2 * (1 + data$r^2) / (4 * data$pairs))
}
columns <- c(columns, list(
  both("SMCRP", smcrp(d)), both("SMCRP_change", smcrp(changed)), both("SMD_UB", two("SMD", vtype = "UB")), both("ROM", two("ROM")), both("ROM_negative", two("ROM", negative)),
  data.frame(
    sd_ci_t = sqrt(d$n1) * 3 / (2 * qt(0.975, d$n1 - 1)),
    sd_ci_z90 = sqrt(d$n1) * 3 / (2 * qnorm(0.95)),
    sd_p = 3 / qt(0.0135, d$n1 + d$n2 - 2, lower.tail = FALSE) / sqrt(1 / d$n1 + 1 / d$n2),
    sd_p_paired = 3 / qt(0.0135, d$pairs - 1, lower.tail = FALSE) * sqrt(d$pairs),
    sd_iqr = 3 / (2 * qnorm((0.75 * d$n1 - 0.125) / (d$n1 + 0.25))),
    sd_range = 3 / (2 * qnorm((d$n1 - 0.375) / (d$n1 + 0.25)))
  )
))
put(do.call(cbind, columns), "effects_continuous.csv")

# Two-by-two tables. The first sixteen hold zero cells of every kind, both arms without events, both
# arms with nothing but events, and arms of two; rows 101-120 are large with rare events.
n1 <- c(10, 12, 9, 15, 20, 11, 8, 30, 2, 2, 2, 3, 40, 7, 2, 150)
n2 <- c(11, 10, 9, 14, 25, 12, 9, 28, 2, 3, 2, 2, 25, 90, 3, 2)
a <- c(0, 3, 9, 4, 0, 11, 0, 0, 0, 2, 1, 3, 0, 7, 2, 0)
events2 <- c(4, 0, 3, 14, 25, 12, 0, 1, 1, 0, 1, 2, 0, 90, 0, 0)
zeros <- length(n1)
usual <- 100 - zeros
n1 <- c(n1, sample(3:200, usual, replace = TRUE), sample(2000:200000, 20))
n2 <- c(n2, sample(3:200, usual, replace = TRUE), sample(2000:200000, 20))
risk <- function() c(runif(usual, 0.05, 0.9), runif(20, 0.0005, 0.02))
a <- c(a, rbinom(k - zeros, n1[-(1:zeros)], risk()))
events2 <- c(events2, rbinom(k - zeros, n2[-(1:zeros)], risk()))
b <- data.frame(a = a, n1 = n1, c = events2, n2 = n2)
table <- function(measure, ...) {
  suppressWarnings(escalc(measure = measure, ai = a, n1i = n1, ci = c, n2i = n2, data = b, ...))
}
columns <- list(b)
for (measure in c("OR", "RR", "RD", "AS", "PETO")) {
  columns <- c(columns, list(
    both(paste0(measure, "_only0"), table(measure, add = 1/2, to = "only0")),
    both(paste0(measure, "_all"), table(measure, add = 1/4, to = "all")),
    both(paste0(measure, "_if0all"), table(measure, add = 1/2, to = "if0all")),
    both(paste0(measure, "_none"), table(measure, to = "none"))
  ))
}
put(do.call(cbind, columns), "effects_binary.csv")

# Hazard ratios with confidence intervals of several levels, and differences with t intervals.
log_ratio <- rnorm(k, 0, 0.8)
se <- exp(runif(k, log(0.005), log(3)))
level <- sample(c(0.8, 0.9, 0.95, 0.99, 0.999), k, replace = TRUE)
df <- sample(1:200, k, replace = TRUE)
z <- qnorm((1 + level) / 2)
h <- data.frame(level = level, df = df, value = exp(log_ratio), low = exp(log_ratio - z * se),
                high = exp(log_ratio + z * se))
log_hr <- escalc(measure = "GEN", yi = log(value), sei = (log(high) - log(low)) / (2 * qnorm((1 + level) / 2)),
                 data = h)
difference <- escalc(measure = "GEN", yi = value, sei = (high - low) / (2 * qt((1 + level) / 2, df)), data = h)
put(cbind(h, both("HR", log_hr), both("difference_t", difference)), "effects_ratios.csv")

put(data.frame(what = c("R", "metafor"),
               version = c(as.character(getRversion()), as.character(packageVersion("metafor")))),
    "effects_versions.csv")
