# Reference values for ketameta.plots.radial.
#
#   Rscript radial.R           (in this directory, after pooling.R; needs metafor)
#
# Writes radial.csv: for samples of pooling_inputs.csv and three estimators of tau2 the coordinates that radial()
# of metafor draws, and the estimate that is the slope of its line. Numbers are printed with 17 significant digits.

suppressMessages(library(metafor))

inputs <- read.csv("pooling_inputs.csv")
samples <- c("bcg_rr", "bcg_first_two", "normand1999_md", "hackshaw1998", "cohen1981_z", "lau1992")
pdf(NULL)
rows <- lapply(samples, function(name) {
  d <- inputs[inputs$dataset == name, ]
  do.call(rbind, lapply(c("EE", "DL", "REML"), function(method) {
    fit <- rma(yi, vi, data = d, method = method, 
               control = list(threshold = 1e-13 * mean(d$vi), maxiter = 100000))
    drawn <- radial(fit)
    data.frame(dataset = name, method = method, x = sprintf("%.17g", drawn$x), z = sprintf("%.17g", drawn$y),
               slope = sprintf("%.17g", c(fit$beta)))
  }))
})
invisible(dev.off())
write.csv(do.call(rbind, rows), "radial.csv", row.names = FALSE, quote = FALSE)
write.csv(data.frame(what = c("R", "metafor"),
                     version = c(as.character(getRversion()), as.character(packageVersion("metafor")))),
          "radial_versions.csv", row.names = FALSE, quote = FALSE)
