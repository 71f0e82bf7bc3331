# Reference values for smcrp and smcrph: standardised mean change with raw score standardisation, both SDs pooled.
# Run in this directory: Rscript crossover.R, with metafor >= 4.4 in the library path.
# Writes crossover.csv and crossover_versions.csv (%.17g).

suppressMessages(library(metafor))
set.seed(20261121)

rows <- 80
n <- c(3:12, sample(3:200, rows - 10, replace = TRUE))
r <- c(-0.3, 0, 0.5, 0.95, runif(rows - 4, -0.3, 0.95))
unit <- sample(c(1, 1, 1, 1e-4, 1e4), rows, replace = TRUE)
data <- data.frame(
  m1 = unit * rnorm(rows, 10, 8), sd1 = unit * runif(rows, 0.5, 12),
  m2 = unit * rnorm(rows, 12, 8), sd2 = unit * runif(rows, 0.5, 12), n = n, r = r
)
found <- escalc("SMCRP", m1i = m1, sd1i = sd1, m2i = m2, sd2i = sd2, ni = n, ri = r, data = data)
data$yi <- as.numeric(found$yi)
data$vi_smcrp <- as.numeric(found$vi)
found <- escalc("SMCRPH", m1i = m1, sd1i = sd1, m2i = m2, sd2i = sd2, ni = n, ri = r, vtype = "LS2", data = data)
data$vi_smcrph <- as.numeric(found$vi)
write.table(as.data.frame(lapply(data, sprintf, fmt = "%.17g")), "crossover.csv", sep = ",", row.names = FALSE, quote = FALSE)
versions <- data.frame(what = c("R", "metafor"), version = c(paste(R.version$major, R.version$minor, sep = "."), as.character(packageVersion("metafor"))))
write.table(versions, "crossover_versions.csv", sep = ",", row.names = FALSE, quote = FALSE)
