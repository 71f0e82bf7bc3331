# All subsets of studies by metafor's gosh(): every subset of two sets; sums and quantiles of those
# and of the first twelve studies of others.
# Reads pooling_inputs.csv, writes gosh.csv, gosh_summary.csv and gosh_versions.csv.
# Run in this folder with metafor 3.8-1: Rscript gosh.R. Subsets of one study, which metafor adds, are left out.
# member: the studies of a subset, one digit a study, in the order of the rows.
suppressMessages(library(metafor))
inputs <- read.csv("pooling_inputs.csv")
methods <- c("EE", "DL", "REML")
every <- c("normand1999_md", "bcg_first_three")
summed <- c("bcg_rr", "hine1989_rd", "hahn2001", "pignon2000")
text <- function(x) sprintf("%.17g", x)
rows <- list(); sums <- list()
for (set in c(every, summed)) for (method in methods) {
  part <- head(inputs[inputs$dataset == set, ], 12)
  control <- list(threshold = 1e-12 * mean(part$vi), maxiter = 10000, stepadj = 0.5, tau2.max = 1e6)
  found <- gosh(rma(yi, vi, data = part, method = method, control = control), progbar = FALSE)
  keep <- rowSums(found$incl) > 1
  res <- found$res[keep, ]; incl <- found$incl[keep, , drop = FALSE]
  member <- apply(incl + 0, 1, paste, collapse = "")
  tau2 <- if (is.null(res$tau2)) rep(0, nrow(res)) else res$tau2
  if (set %in% every) rows[[length(rows) + 1]] <- data.frame(
    dataset = set, method = method, member = member,
    estimate = text(res$estimate), tau2 = text(tau2), i2 = text(res$I2)
  )
  at <- c(0, 0.025, 0.25, 0.5, 0.75, 0.975, 1)
  for (column in c("estimate", "tau2", "i2")) {
    values <- switch(column, estimate = res$estimate, tau2 = tau2, i2 = res$I2)
    sums[[length(sums) + 1]] <- data.frame(
      dataset = set, method = method, column = column, k = nrow(part), n = length(values), missing = sum(is.na(values)),
      sum = text(sum(values)), squares = text(sum(values^2)),
      t(setNames(text(quantile(values, at, names = FALSE)), paste0("q", at * 1000)))
    )
  }
}
write.csv(do.call(rbind, rows), "gosh.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, sums), "gosh_summary.csv", row.names = FALSE, quote = FALSE)
versions <- data.frame(
  package = c("R", "metafor"),
  version = c(paste(R.version$major, R.version$minor, sep = "."), as.character(packageVersion("metafor")))
)
write.csv(versions, "gosh_versions.csv", row.names = FALSE, quote = FALSE)
