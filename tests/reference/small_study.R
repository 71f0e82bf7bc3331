# Second road for the test for small-study effects of summary_of_findings(): metafor.
# Rscript tests/reference/small_study.R  writes small_study.csv beside this file.
suppressMessages(library(metafor))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
n_t <- c(12, 20, 35, 60, 110, 15, 24, 48, 80, 33, 19, 150)
n_c <- c(11, 22, 34, 55, 120, 14, 27, 50, 76, 30, 21, 140)
yi <- c(-1.10, -0.84, -0.55, -0.47, -0.21, -1.30, -0.35, -0.62, -0.18, -0.80, -0.05, -0.31)
vi <- 1 / n_t + 1 / n_c + yi^2 / (2 * (n_t + n_c))
p <- function(x) rma(yi, vi, mods = ~x, method = "REML", test = "knha", control = list(threshold = 1e-12))$pval[2]
rows <- data.frame(yi, vi, n_t, n_c, p_sizes = p(sqrt(1 / n_t + 1 / n_c)), p_se = p(sqrt(vi)))
rows[] <- lapply(rows, function(x) sprintf("%.17g", x))
write.csv(rows, file.path(here, "small_study.csv"), row.names = FALSE, quote = FALSE)
