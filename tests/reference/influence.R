# Influence diagnostics, leave-one-out and cumulative pools (most precise study first) by metafor.
# Reads pooling_inputs.csv and influence_inputs.csv (trials of ketamine against depression after 24 hours), writes
# influence.csv and influence_versions.csv. Run in this folder with metafor 3.8-1: Rscript influence.R
suppressMessages(library(metafor))
inputs <- rbind(read.csv("pooling_inputs.csv"), read.csv("influence_inputs.csv"))
sets <- c("bcg_rr", "bcg_first_three", "normand1999_md", "hine1989_rd", "pignon2000", "yusuf1985_6",
          "raudenbush1985", "cohen1981_z", "collins1985b", "hahn2001", "lee2004", "ketamine_24h")
kinds <- rbind(
  c("EE", "z"), c("DL", "z"), c("REML", "z"), c("REML", "knha"), c("DL", "knha"), c("REML", "adhoc"), c("ML", "knha")
)
numbers <- function(values) sprintf("%.17g", values)
rows <- list()
for (set in sets) for (i in seq_len(nrow(kinds))) {
  part <- inputs[inputs$dataset == set, ]
  control <- list(threshold = 1e-12 * mean(part$vi), maxiter = 10000, stepadj = 0.5, tau2.max = 1e6)
  fit <- suppressWarnings(rma(yi, vi, data = part, method = kinds[i, 1], test = kinds[i, 2], control = control))
  found <- influence(fit)
  left <- leave1out(fit)
  steps <- cumul(fit, order = part$vi)
  tau2 <- function(values) if (is.null(values)) rep(0, nrow(part)) else values
  rows[[length(rows) + 1]] <- data.frame(
    dataset = set, method = kinds[i, 1], test = kinds[i, 2], study = seq_len(nrow(part)),
    rstudent = numbers(found$inf$rstudent), dffits = numbers(found$inf$dffits), cook_d = numbers(found$inf$cook.d),
    cov_ratio = numbers(found$inf$cov.r), tau2_deleted = numbers(found$inf$tau2.del),
    q_deleted = numbers(found$inf$QE.del), hat = numbers(found$inf$hat), weight = numbers(found$inf$weight),
    dfbetas = numbers(found$dfbs$intrcpt), influential = as.integer(found$is.infl),
    left_estimate = numbers(left$estimate), left_se = numbers(left$se), left_p = numbers(left$pval),
    left_ci_low = numbers(left$ci.lb), left_ci_high = numbers(left$ci.ub), left_q = numbers(left$Q),
    left_tau2 = numbers(tau2(left$tau2)), left_i2 = numbers(left$I2),
    step_estimate = numbers(steps$estimate), step_se = numbers(steps$se), step_p = numbers(steps$pval),
    step_ci_low = numbers(steps$ci.lb), step_ci_high = numbers(steps$ci.ub), step_tau2 = numbers(tau2(steps$tau2)),
    step_i2 = numbers(steps$I2)
  )
}
write.csv(do.call(rbind, rows), "influence.csv", row.names = FALSE, quote = FALSE)
versions <- data.frame(
  package = c("R", "metafor"),
  version = c(paste(R.version$major, R.version$minor, sep = "."), as.character(packageVersion("metafor")))
)
write.csv(versions, "influence_versions.csv", row.names = FALSE, quote = FALSE)
