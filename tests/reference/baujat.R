# Baujat plots by metafor: squared Pearson residuals, and squared changes without each study.
# Reads pooling_inputs.csv, writes baujat.csv and baujat_versions.csv.
# Run in this folder with metafor 5.1.12: Rscript baujat.R. metafor 3.8-1 gives the same numbers.
suppressMessages(library(metafor))
pdf(NULL)
inputs <- read.csv("pooling_inputs.csv")
sets <- c("bcg_rr", "bcg_first_two", "bcg_first_three", "normand1999_md", "hine1989_rd", "pignon2000", "yusuf1985_6")
rows <- list()
for (set in sets) for (method in c("EE", "REML")) {
  part <- inputs[inputs$dataset == set, ]
  control <- list(threshold = 1e-12 * mean(part$vi), maxiter = 10000, stepadj = 0.5, tau2.max = 1e6)
  found <- baujat(rma(yi, vi, data = part, method = method, control = control))
  rows[[length(rows) + 1]] <- data.frame(
    dataset = set, method = method, study = seq_len(nrow(part)),
    heterogeneity = sprintf("%.17g", found$x), influence = sprintf("%.17g", found$y)
  )
}
write.csv(do.call(rbind, rows), "baujat.csv", row.names = FALSE, quote = FALSE)
versions <- data.frame(
  package = c("R", "metafor"),
  version = c(paste(R.version$major, R.version$minor, sep = "."), as.character(packageVersion("metafor")))
)
write.csv(versions, "baujat_versions.csv", row.names = FALSE, quote = FALSE)
