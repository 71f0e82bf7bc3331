# Tests for small-study effects and of excess significance by metafor and lm.
# Reads pooling_inputs.csv; writes bias_tests.csv (one number a row), bias_tests_inputs.csv (pools with the sizes or
# counts of their arms) and bias_tests_versions.csv. Run in this folder with metafor 3.8-1: Rscript bias_tests.R
suppressMessages(library(metafor))
inputs <- read.csv("pooling_inputs.csv")
rows <- list()
keep <- function(set, test, model, part, value) {
  rows[[length(rows) + 1]] <<- data.frame(dataset = set, test, model, part, value = sprintf("%.17g", unname(value)))
}
line <- function(set, test, model, fit, p = 2) {
  if (inherits(fit, "lm")) {
    found <- coef(summary(fit))
    limits <- confint(fit)
    values <- list(estimate = found[2, 1], se = found[2, 2], stat = found[2, 3], p = found[2, 4],
                   ci_low = limits[2, 1], ci_high = limits[2, 2],
                   limit = found[1, 1], limit_ci_low = limits[1, 1], limit_ci_high = limits[1, 2],
                   limit_p = found[1, 4])
  } else {
    values <- list(estimate = fit$beta[2], se = fit$se[2], stat = fit$zval[2], p = fit$pval[2],
                   ci_low = fit$ci.lb[2], ci_high = fit$ci.ub[2],
                   limit = fit$beta[1], limit_ci_low = fit$ci.lb[1], limit_ci_high = fit$ci.ub[1],
                   limit_p = fit$pval[1], tau2 = fit$tau2)
  }
  for (name in names(values)) keep(set, test, model, name, values[[name]])
}
careful <- function(vi) list(threshold = 1e-12 * mean(vi), maxiter = 10000, stepadj = 0.5, tau2.max = 1e6)

for (set in unique(inputs$dataset)) {
  part <- inputs[inputs$dataset == set, ]
  if (nrow(part) < 3) next
  reml <- rma(yi, vi, data = part, method = "REML", test = "knha", control = careful(part$vi))
  dl <- rma(yi, vi, data = part, method = "DL", test = "z")
  ee <- rma(yi, vi, data = part, method = "EE", test = "z")
  varied <- diff(range(part$vi)) > 1e-9 * max(part$vi)
  if (varied) {
    line(set, "egger", "weighted", regtest(reml, model = "lm")$fit)
    line(set, "egger", "REML HKSJ", regtest(reml)$fit)
    line(set, "egger", "DL Wald", regtest(dl)$fit)
    line(set, "peese", "weighted", regtest(reml, model = "lm", predictor = "vi")$fit)
    line(set, "peese", "REML HKSJ", regtest(reml, predictor = "vi")$fit)
    rank <- suppressWarnings(ranktest(ee))
    keep(set, "begg", "rank", "estimate", rank$tau)
    keep(set, "begg", "rank", "p", rank$pval)
  }
  for (test in c("chi2", "binom", if (nrow(part) <= 13) "exact")) {
    common <- tes(ee, test = test, find.lim = FALSE)
    keep(set, "excess", paste("common", test), "expected", common$E)
    keep(set, "excess", paste("common", test), "observed", common$O)
    keep(set, "excess", paste("common", test), "p", common$pval)
    below <- tes(ee, test = test, alternative = "less", find.lim = FALSE)
    keep(set, "excess", paste("common below", test), "expected", below$E)
    keep(set, "excess", paste("common below", test), "observed", below$O)
    keep(set, "excess", paste("common below", test), "p", below$pval)
    pooled <- tes(reml, test = test, rel.tol = 1e-10, find.lim = FALSE)
    keep(set, "excess", paste("pooled", test), "expected", pooled$E)
    keep(set, "excess", paste("pooled", test), "p", pooled$pval)
  }
  limited <- tes(ee, test = "chi2")
  keep(set, "excess", "common chi2", "limit", if (is.null(limited$theta.lim)) NA else limited$theta.lim[1])
}

pools <- list()
add <- function(set, measure, part) {
  for (name in c("events_t", "total_t", "events_c", "total_c", "n_t", "n_c")) if (is.null(part[[name]])) part[[name]] <- NA
  part <- data.frame(dataset = set, measure = measure, yi = c(part$yi), vi = part$vi,
                     part[c("events_t", "total_t", "events_c", "total_c", "n_t", "n_c")])
  pools[[length(pools) + 1]] <<- part
  part
}
counted <- function(set, measure, ai, n1i, ci, n2i) {
  part <- escalc(measure = measure, ai = ai, n1i = n1i, ci = ci, n2i = n2i)
  part <- add(set, measure, data.frame(yi = part$yi, vi = part$vi, events_t = ai, total_t = n1i, events_c = ci, total_c = n2i))
  events <- part$events_t + part$events_c
  n <- part$total_t + part$total_c
  ninv <- 1 / n
  line(set, "peters", "weighted", lm(yi ~ ninv, data = part, weights = 1 / (1 / events + 1 / (n - events))))
  line(set, "peters", "REML HKSJ",
       rma(yi, vi, mods = ~ninv, data = part, method = "REML", test = "knha", control = careful(part$vi)))
}
d <- dat.bcg
counted("bcg_or_counts", "OR", d$tpos, d$tpos + d$tneg, d$cpos, d$cpos + d$cneg)
counted("bcg_rr_counts", "RR", d$tpos, d$tpos + d$tneg, d$cpos, d$cpos + d$cneg)
d <- dat.yusuf1985[dat.yusuf1985$table == 6, ]
d <- d[!is.na(d$ai) & d$ai + d$ci > 0, ]
counted("yusuf_or_counts", "OR", d$ai, d$n1i, d$ci, d$n2i)
d <- dat.li2007
counted("li_or_counts", "OR", d$ai, d$n1i, d$ci, d$n2i)

sized <- function(set, part) {
  part <- add(set, "SMD", part)
  square <- 1 / part$n_t + 1 / part$n_c
  part$root <- sqrt(square)
  line(set, "pustejovsky", "weighted sizes", lm(yi ~ root, data = part, weights = 1 / square))
  line(set, "pustejovsky", "weighted variance", lm(yi ~ root, data = part, weights = 1 / vi))
  line(set, "pustejovsky", "mixed sizes",
       rma(yi, square, mods = ~root, data = part, method = "REML", test = "knha", control = careful(square)))
  line(set, "pustejovsky", "mixed variance",
       rma(yi, vi, mods = ~root, data = part, method = "REML", test = "knha", control = careful(part$vi)))
}
d <- escalc(measure = "SMD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = dat.normand1999)
sized("normand_smd", data.frame(yi = d$yi, vi = d$vi, n_t = d$n1i, n_c = d$n2i))
d <- dat.raudenbush1985
sized("raudenbush_smd", data.frame(yi = d$yi, vi = d$vi, n_t = d$n1i, n_c = d$n2i))
# Depression 24 hours after a single dose in major depressive disorder, of the data set ketameta-trials 1.0.0.
sized("ketamine_smd", data.frame(
  yi = c(-0.7261879203, -1.0236781972, -0.8200000000, -0.7615772961, -0.2986724763, -0.3376678632, -0.4095719467, -0.3686381087),
  vi = c(0.0649387409, 0.0675350715, 0.1172736210, 0.1243290523, 0.0178179747, 0.0163599595, 0.1047822095, 0.0109605759),
  n_t = c(47, 34, 18, 16, 114, 123, 20, 177), n_c = c(25, 33, 19, 16, 113, 125, 19, 195)
))

write.csv(do.call(rbind, rows), "bias_tests.csv", row.names = FALSE, quote = FALSE)
pools <- do.call(rbind, pools)
for (name in c("yi", "vi")) pools[[name]] <- sprintf("%.17g", pools[[name]])
write.csv(pools, "bias_tests_inputs.csv", row.names = FALSE, quote = FALSE, na = "")
versions <- data.frame(
  package = c("R", "metafor"),
  version = c(paste(R.version$major, R.version$minor, sep = "."), as.character(packageVersion("metafor")))
)
write.csv(versions, "bias_tests_versions.csv", row.names = FALSE, quote = FALSE)
