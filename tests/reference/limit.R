# Reference values for ketameta.robustness.limit_meta_analysis.
#
#   Rscript limit.R            (in this directory, after pooling.R; needs meta 6.2-0 or later and metasens)
#
# Reads pooling_inputs.csv, and filling_ketamine.csv: the standardised mean differences of single doses of ketamine in
# depression at 24 hours, as ketameta computed them. Writes what limitmeta() of metasens finds: limit.csv, and
# limit_studies.csv with the effects in the limit. Numbers are printed with 17 significant digits.
# tau2 is that of rma() of metafor with a narrow threshold, given to metagen(). Moore1998 comes with metasens; its numbers stand in limit_moore.csv.
# Where tau2 = 0 all effects in the limit are alike: their radial plot is a line up to rounding (g2 of 1e-30).

suppressMessages(library(metasens))

# limitmeta() pools the effects in the limit too, of which it takes the common effect: any estimator of tau2 will do.
invisible(settings.meta(method.tau = "DL"))
data(Moore1998)
moore <- metabin(succ.e, nobs.e, succ.c, nobs.c, data = Moore1998, sm = "OR", method = "Inverse", method.tau.ci = "")
number <- function(x) sprintf("%.17g", as.numeric(x))
moore <- data.frame(dataset = "moore1998", yi = moore$TE, vi = moore$seTE^2)
write.csv(transform(moore, yi = number(yi), vi = number(vi)), "limit_moore.csv", row.names = FALSE, quote = FALSE)
inputs <- rbind(read.csv("pooling_inputs.csv"), read.csv("filling_ketamine.csv"), moore)
samples <- c("bcg_rr", "bcg_or", "hackshaw1998", "normand1999_md", "pignon2000", "egger2001", "yusuf1985_6", "li2007",
             "lau1992", "linde2005", "raudenbush1985", "nielweise2007", "bcg_first_three", "ketamine_24h", "moore1998")
rows <- studies <- list()
for (name in samples) for (method in c("DL", "REML", "PM")) {
  d <- inputs[inputs$dataset == name, ]
  control <- list(threshold = 1e-12 * mean(d$vi), tol = 1e-13, maxiter = 100000, stepadj = 0.5, tau2.max = 1e6)
  tau2 <- metafor::rma(yi, vi, data = d, method = method, control = control)$tau2
  fit <- metagen(yi, sqrt(vi), data = d, tau.preset = sqrt(tau2), method.tau.ci = "")
  found <- suppressWarnings(lapply(c(beta0 = "beta0", betalim = "betalim", mulim = "mulim"),
                                   function(kind) limitmeta(fit, method.adjust = kind)))
  one <- found$beta0
  head <- data.frame(dataset = name, tau2 = method, tau2_value = number(one$tau^2), alpha = number(one$alpha.r),
                     beta = number(one$beta.r), q = number(one$Q), q_small = number(one$Q.small),
                     q_resid = number(one$Q.resid), g2 = number(100 * one$G.squared))
  for (kind in names(found)) {
    x <- found[[kind]]
    head[paste(kind, c("estimate", "se", "ci_low", "ci_high", "p"), sep = "_")] <-
      number(c(x$TE.adjust, x$seTE.adjust, x$lower.adjust, x$upper.adjust, x$pval.adjust))
  }
  rows[[length(rows) + 1]] <- head
  studies[[length(studies) + 1]] <- data.frame(dataset = name, tau2 = method, limit_yi = number(one$TE.limit))
}
write.csv(do.call(rbind, rows), "limit.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, studies), "limit_studies.csv", row.names = FALSE, quote = FALSE)
packages <- c("meta", "metafor", "metasens")
write.csv(data.frame(what = c("R", packages),
                     version = c(as.character(getRversion()), sapply(packages, function(p) as.character(packageVersion(p))))),
          "limit_versions.csv", row.names = FALSE, quote = FALSE)
