# Reference values for the published meta-analysis that examples/07_published_meta_analysis.py repeats.
#
#   Rscript reproductions.R    (in this directory; needs metafor; reads ../evidence/data/marchi2022_depression.csv)
#
# Writes reproductions.csv. Numbers are printed with 17 significant digits.

suppressMessages(library(metafor))

d <- read.csv("../evidence/data/marchi2022_depression.csv")
# Rows with a cell that check_trials doubts, and those of them whose SD looks like a standard error.
doubted <- c("Domany", "Dong", "Fedgchin", "Kheirabadi", "Singh", "Zhang", "Zhong")
small <- c("Dong", "Kheirabadi", "Zhang", "Zhong")
first <- sub(" .*", "", d$Author)
taken <- d
rows <- first %in% small
taken$SDt[rows] <- d$SDt[rows] * sqrt(d$Nt[rows])
taken$SDc[rows] <- d$SDc[rows] * sqrt(d$Nc[rows])
tables <- list(all = d, without = d[!first %in% doubted, ], taken = taken[!first %in% setdiff(doubted, small), ])

out <- list()
for (name in names(tables)) for (how in c("DL", "REML")) {
  e <- escalc("SMD", m1i = Mt, sd1i = SDt, n1i = Nt, m2i = Mc, sd2i = SDc, n2i = Nc, data = tables[[name]], vtype = "UB")
  f <- rma(yi, vi, data = e, method = how, test = if (how == "DL") "z" else "knha",
           control = if (how == "DL") list() else list(threshold = 1e-13, maxiter = 100000))
  p <- predict(f)
  out[[length(out) + 1]] <- data.frame(
    rows = name, method = how, k = f$k, estimate = as.numeric(f$beta), ci_low = f$ci.lb, ci_high = f$ci.ub,
    pi_low = p$pi.lb, pi_high = p$pi.ub, tau2 = f$tau2, i2 = f$I2)
}
table <- do.call(rbind, out)
numeric <- sapply(table, is.numeric)
table[numeric] <- lapply(table[numeric], sprintf, fmt = "%.17g")
write.csv(table, "reproductions.csv", row.names = FALSE, quote = FALSE)
