# P-value functions of pooled effects by metafor: P values against effects other than 0, intervals at several levels.
# Reads pooling_inputs.csv, writes drapery.csv. Run in this folder with metafor 5.1.12: Rscript drapery.R.
suppressMessages(library(metafor))
inputs <- read.csv("pooling_inputs.csv")
rows <- NULL
for (set in c("bcg_rr", "normand1999_md", "bcg_first_three")) for (test in c("z", "knha")) {
  part <- inputs[inputs$dataset == set, ]
  control <- list(threshold = 1e-13 * mean(part$vi), maxiter = 10000, stepadj = 0.5)
  fit <- rma(yi, vi, data = part, test = test, control = control)
  for (steps in c(-2.5, -1, 0.5, 1.5)) {
    against <- coef(fit) + steps * fit$se
    p <- rma(yi - against, vi, data = part, test = test, control = control)$pval
    predicted <- predict(fit, level = 100 * (1 - p))
    rows <- rbind(rows, data.frame(
      dataset = set, test = test, steps = steps, against = sprintf("%.17g", against), p = sprintf("%.17g", p),
      ci_low = sprintf("%.17g", predicted$ci.lb), ci_high = sprintf("%.17g", predicted$ci.ub),
      pi_low = sprintf("%.17g", predicted$pi.lb), pi_high = sprintf("%.17g", predicted$pi.ub)
    ))
  }
}
write.csv(rows, "drapery.csv", row.names = FALSE, quote = FALSE)
