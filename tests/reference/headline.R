# Pools of the evidence report, by metafor: REML, Hartung-Knapp, prediction interval.
# Reads headline_inputs.csv (effects and variances as the report computes them), writes headline.csv.
# Run in this folder: Rscript headline.R. Made with R 4.2.2 and metafor 3.8-1.
suppressMessages(library(metafor))
inputs <- read.csv("headline_inputs.csv")
control <- list(threshold = 1e-12, maxiter = 10000, stepadj = 0.5, tau2.max = 1e6)
rows <- lapply(unique(inputs$key), function(key) {
  fit <- rma(yi, vi, data = inputs[inputs$key == key, ], method = "REML", test = "knha", control = control)
  predicted <- predict(fit)
  numbers <- c(fit$b, fit$se, fit$ci.lb, fit$ci.ub, fit$pval, fit$tau2, fit$I2, predicted$pi.lb, predicted$pi.ub)
  c(key, fit$k, sprintf("%.17g", numbers))
})
table <- as.data.frame(do.call(rbind, rows))
names(table) <- c("key", "k", "estimate", "se", "ci_low", "ci_high", "p", "tau2", "i2", "pi_low", "pi_high")
write.csv(table, "headline.csv", row.names = FALSE, quote = FALSE)
