# Reference values for ketameta.effects from metafor's escalc.
# Run in this directory: Rscript effects.R
# Writes effects_continuous.csv, effects_binary.csv and effects_versions.csv (numbers as %.17g).

suppressMessages(library(metafor))
set.seed(20240611)
k <- 60

exact <- function(x) if (is.numeric(x)) sprintf("%.17g", x) else as.character(x)
put <- function(frame, path) {
  write.table(as.data.frame(lapply(frame, exact)), path, sep = ",", row.names = FALSE, quote = FALSE)
}
both <- function(name, result) {
  setNames(data.frame(as.numeric(result$yi), as.numeric(result$vi)), paste0(c("yi_", "vi_"), name))
}

# Two-arm trials with unequal arms, summarised from simulated participants.
n1 <- c(3, 3, 4, 5, sample(3:250, k - 4, replace = TRUE))
n2 <- c(3, 4, 3, 40, sample(3:250, k - 4, replace = TRUE))
pairs <- c(3, 4, sample(3:120, k - 2, replace = TRUE))
r <- seq(-0.3, 0.95, length.out = k)
arm <- function(n, mean, sd) {
  x <- rnorm(n, mean, sd)
  c(mean(x), sd(x))
}
first <- t(mapply(arm, n1, runif(k, 40, 60), runif(k, 2, 14)))
second <- t(mapply(arm, n2, runif(k, 40, 60), runif(k, 2, 14)))
d <- data.frame(m1 = first[, 1], sd1 = first[, 2], n1 = n1, m2 = second[, 1], sd2 = second[, 2],
                n2 = n2, pairs = pairs, r = r)

two <- function(measure, ...) {
  escalc(measure = measure, m1i = m1, sd1i = sd1, n1i = n1, m2i = m2, sd2i = sd2, n2i = n2, data = d, ...)
}
one <- function(measure) {
  escalc(measure = measure, m1i = m1, sd1i = sd1, m2i = m2, sd2i = sd2, ni = pairs, ri = r, data = d)
}
change <- transform(d, m1 = -m1 / 4, m2 = -m2 / 4)
negative <- escalc(measure = "SMD", m1i = m1, sd1i = sd1, n1i = n1, m2i = m2, sd2i = sd2, n2i = n2, data = change)
put(cbind(
  d,
  both("MD", two("MD")), both("SMD", two("SMD")), both("SMD_UB", two("SMD", vtype = "UB")),
  both("SMDH", two("SMDH")), both("SMD1", two("SMD1")), both("ROM", two("ROM")),
  both("SMD_change", negative),
  both("MC", one("MC")), both("SMCC", one("SMCC")), both("SMCR", one("SMCR")),
  data.frame(
    sd_ci_t = sqrt(d$n1) * 3 / (2 * qt(0.975, d$n1 - 1)),
    sd_ci_z90 = sqrt(d$n1) * 3 / (2 * qnorm(0.95)),
    sd_p = 3 / qt(0.0135, d$n1 + d$n2 - 2, lower.tail = FALSE) / sqrt(1 / d$n1 + 1 / d$n2),
    sd_p_paired = 3 / qt(0.0135, d$pairs - 1, lower.tail = FALSE) * sqrt(d$pairs),
    sd_iqr = 3 / (2 * qnorm((0.75 * d$n1 - 0.125) / (d$n1 + 0.25))),
    sd_range = 3 / (2 * qnorm((d$n1 - 0.375) / (d$n1 + 0.25)))
  )
), "effects_continuous.csv")

# Two-by-two tables; the first eight hold zero cells of every kind.
n1 <- c(10, 12, 9, 15, 20, 11, 8, 30, sample(3:200, k - 8, replace = TRUE))
n2 <- c(11, 10, 9, 14, 25, 12, 9, 28, sample(3:200, k - 8, replace = TRUE))
a <- c(0, 3, 9, 4, 0, 11, 0, 0, rbinom(k - 8, n1[-(1:8)], runif(k - 8, 0.05, 0.9)))
events2 <- c(4, 0, 3, 14, 25, 12, 0, 1, rbinom(k - 8, n2[-(1:8)], runif(k - 8, 0.05, 0.9)))
b <- data.frame(a = a, n1 = n1, c = events2, n2 = n2)
table <- function(measure, ...) escalc(measure = measure, ai = a, n1i = n1, ci = c, n2i = n2, data = b, ...)
columns <- list(b)
for (measure in c("OR", "RR", "RD", "AS", "PETO")) {
  columns <- c(columns, list(
    both(paste0(measure, "_only0"), table(measure, add = 1/2, to = "only0")),
    both(paste0(measure, "_all"), table(measure, add = 1/4, to = "all")),
    both(paste0(measure, "_if0all"), table(measure, add = 1/2, to = "if0all"))
  ))
}
columns <- c(columns, list(
  both("AS_none", table("AS", to = "none")), both("PETO_none", suppressWarnings(table("PETO", to = "none")))
))
put(do.call(cbind, columns), "effects_binary.csv")

put(data.frame(what = c("R", "metafor"),
               version = c(as.character(getRversion()), as.character(packageVersion("metafor")))),
    "effects_versions.csv")
