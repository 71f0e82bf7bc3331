# Reference values for ketameta.robustness.trim_and_fill.
#
#   Rscript filling.R          (in this directory, after pooling.R; needs metafor)
#
# Reads pooling_inputs.csv, and filling_ketamine.csv: the standardised mean differences of single doses of ketamine in
# depression at 24 hours, as ketameta computed them. Writes, for estimators of tau2, sides and estimators of the number
# missing, filling.csv: what trimfill() of metafor finds, and filling_studies.csv: the studies that it fills in.
# A case that metafor stops at, or where its number of missing studies is not a number, has "stopped" in place of a side.
# The pools are by test = "knha" ("z" for EE), which trimfill() of metafor 3.8-1 must be told again; prediction by t with
# k - 1 degrees of freedom. Numbers are printed with 17 significant digits.

suppressMessages(library(metafor))

inputs <- rbind(read.csv("pooling_inputs.csv"), read.csv("filling_ketamine.csv"))
samples <- c("bcg_rr", "bcg_or", "hackshaw1998", "normand1999_md", "pignon2000", "egger2001", "yusuf1985_6", "li2007",
             "lau1992", "linde2005", "raudenbush1985", "nielweise2007", "collins1985a", "hahn2001", "gibson2002",
             "curtis1998_rom", "bcg_first_three", "ketamine_24h")
number <- function(x) if (length(x)) sprintf("%.17g", as.numeric(x)) else "NA"
cases <- expand.grid(dataset = samples, tau2 = c("EE", "DL", "REML"), estimator = c("L0", "R0", "Q0"),
                     asked = c("", "left", "right"), stringsAsFactors = FALSE)
studies <- list()
one <- function(case) {
  d <- inputs[inputs$dataset == case$dataset, ]
  control <- list(threshold = 1e-13 * mean(d$vi), maxiter = 100000, stepadj = 0.5, tau2.max = 1e6)
  test <- if (case$tau2 == "EE") "z" else "knha"
  fit <- rma(yi, vi, data = d, method = case$tau2, test = test, control = control)
  found <- try(if (case$asked == "") trimfill(fit, estimator = case$estimator, test = test, control = control)
               else trimfill(fit, estimator = case$estimator, side = case$asked, test = test, control = control), silent = TRUE)
  if (inherits(found, "try-error")) {
    return(cbind(case, side = "stopped", k0 = NA, se_k0 = NA, p_k0 = NA, estimate = NA, se = NA, ci_low = NA,
                 ci_high = NA, p = NA, tau2_value = NA, i2 = NA, pi_low = NA, pi_high = NA))
  }
  if (any(found$fill)) {
    studies[[length(studies) + 1]] <<- cbind(case, yi = number(found$yi[found$fill]), vi = number(found$vi[found$fill]))
  }
  inside <- predict(found)
  cbind(case, side = found$side, k0 = found$k0, se_k0 = number(found$se.k0), p_k0 = number(found$p.k0),
        estimate = number(found$beta), se = number(found$se), ci_low = number(found$ci.lb), ci_high = number(found$ci.ub),
        p = number(found$pval), tau2_value = number(found$tau2), i2 = number(found$I2), pi_low = number(inside$pi.lb),
        pi_high = number(inside$pi.ub))
}
rows <- suppressWarnings(lapply(seq_len(nrow(cases)), function(i) one(cases[i, ])))
write.csv(do.call(rbind, rows), "filling.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, studies), "filling_studies.csv", row.names = FALSE, quote = FALSE)
write.csv(data.frame(what = c("R", "metafor"),
                     version = c(as.character(getRversion()), as.character(packageVersion("metafor")))),
          "filling_versions.csv", row.names = FALSE, quote = FALSE)
