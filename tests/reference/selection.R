# Selection models by metafor: step functions, beta, negative exponential and half-normal weights, all by ML.
# Reads pooling_inputs.csv and headline_inputs.csv; writes selection.csv and selection_versions.csv.
# Run in this folder with metafor 5.1.12: Rscript selection.R
#
# Each fit is started anew from where the last one ended, so that what is printed is the maximum and not where one
# search stopped: for steps also by Nelder and Mead's simplex, for other weights with integrals from -8 to 8 to a relative 1e-9.
# Standard errors come from numDeriv's Hessian by Richardson extrapolation. Where tau2 is found as 0 they are left out:
# metafor keeps tau2 in the Hessian unless it is exactly 0.
suppressMessages(library(metafor))
inputs <- read.csv("pooling_inputs.csv")
ketamine <- read.csv("headline_inputs.csv")
ketamine <- ketamine[ketamine$key %in% c("mdd_depression_smd_single_24h", "mdd_depression_md_madrs_single_24h"), ]
inputs <- rbind(inputs, data.frame(dataset = ketamine$key, yi = ketamine$yi, vi = ketamine$vi))

case <- function(dataset, type, alternative, steps = NA, delta = NA, method = "ML") {
  list(dataset = dataset, type = type, alternative = alternative, steps = steps, delta = delta, method = method)
}
three <- function(dataset, alternative, ...) case(dataset, "stepfun", alternative, 0.025, ...)
cases <- list(
  three("hackshaw1998", "greater"), three("baskerville2012", "greater"), three("bangertdrowns2004", "greater"),
  three("bcg_rr", "less"), three("linde2005", "greater"), three("mcdaniel1994_z", "greater"),
  three("bornmann2007", "less"), three("dorn2007", "greater"),
  three("collins1985a", "less"), three("lau1992", "less"), three("konstantopoulos", "greater"),
  three("raudenbush1985", "greater"), three("viechtbauer2021", "greater"), three("molloy2014_z", "greater"),
  three("mdd_depression_smd_single_24h", "less"), three("mdd_depression_md_madrs_single_24h", "less"),
  three("hackshaw1998", "greater", method = "EE"), three("mcdaniel1994_z", "greater", method = "EE"),
  case("hackshaw1998", "stepfun", "greater", c(0.05, 0.1, 0.5)),
  case("mcdaniel1994_z", "stepfun", "greater", c(0.01, 0.05, 0.5)),
  case("bangertdrowns2004", "stepfun", "greater", c(0.025, 0.5)),
  case("baskerville2012", "stepfun", "two.sided", 0.05),
  case("bornmann2007", "stepfun", "two.sided", c(0.05, 0.5)),
  case("bcg_rr", "beta", "less"), case("molloy2014_z", "beta", "greater"),
  case("bcg_rr", "halfnorm", "less"), case("molloy2014_z", "negexp", "greater"),
  case("gibson2002", "negexp", "two.sided"),
  case("baskerville2012", "stepfun", "greater", c(0.05, 0.5), c(1, 0.75, 0.5)),
  case("baskerville2012", "stepfun", "greater", c(0.005, 0.01, 0.05, 0.10, 0.25, 0.35, 0.50, 0.65, 0.75, 0.90, 0.95, 0.99, 0.995),
       c(1, 0.99, 0.95, 0.80, 0.75, 0.65, 0.60, 0.55, 0.50, 0.50, 0.50, 0.50, 0.50, 0.50)),
  case("baskerville2012", "stepfun", "two.sided", c(0.005, 0.01, 0.05, 0.10, 0.25, 0.35, 0.50, 0.65, 0.75, 0.90, 0.95, 0.99, 0.995),
       c(1, 0.99, 0.95, 0.90, 0.80, 0.75, 0.60, 0.60, 0.75, 0.80, 0.90, 0.95, 0.99, 1)),
  case("mdd_depression_smd_single_24h", "stepfun", "less", 0.025, c(1, 0.25)),
  case("bcg_rr", "beta", "less", NA, c(0.6, 1.3))
)

search <- function(part, one) {
  base <- rma(yi, vi, data = part, method = one$method, control = list(threshold = 1e-12, maxiter = 10000, stepadj = 0.5))
  best <- NULL
  start <- list()
  newton <- list(optimizer = "nlminb", optcontrol = list(rel.tol = 1e-15, x.tol = 1e-12, abs.tol = 0, iter.max = 2000, eval.max = 4000))
  simplex <- list(optimizer = "optim", optmethod = "Nelder-Mead", optcontrol = list(reltol = 1e-16, maxit = 20000))
  smooth <- one$type != "stepfun"
  tools <- if (smooth) list(list(optimizer = "nlminb"), newton) else list(newton, simplex, newton)
  for (tool in tools) {
    control <- c(tool, start, list(hessianCtrl = list(r = 6), delta.max = 1e6))
    if (smooth && length(start)) control$intCtrl <- list(lower = -8, upper = 8, rel.tol = 1e-9, subdivisions = 1000)
    call <- list(base, type = one$type, alternative = one$alternative, control = control, skiphet = TRUE)
    if (!anyNA(one$steps)) call$steps <- one$steps
    if (!anyNA(one$delta)) call$delta <- one$delta
    found <- try(suppressWarnings(do.call(selmodel, call)), silent = TRUE)
    if (inherits(found, "try-error")) next
    if (smooth || is.null(best) || as.numeric(logLik(found)) >= as.numeric(logLik(best)) - 1e-12) best <- found
    start <- list(beta.init = c(best$beta), tau2.init = max(best$tau2, 1e-8))
    if (one$type == "stepfun") start$delta.init <- pmax(best$delta, 1e-6) else start$delta.init <- pmax(best$delta, 1e-4)
  }
  list(fit = best, base = base, control = control)
}

rows <- list()
add <- function(number, one, what, value) {
  rows[[length(rows) + 1]] <<- data.frame(
    case = number, dataset = one$dataset, weights = one$type, alternative = one$alternative, method = one$method,
    steps = paste(one$steps, collapse = " "), given = paste(one$delta, collapse = " "),
    what = what, value = sprintf("%.17g", value))
}
for (number in seq_along(cases)) {
  one <- cases[[number]]
  part <- inputs[inputs$dataset == one$dataset, ]
  done <- search(part, one)
  fit <- done$fit
  if (is.null(fit)) { message("no fit: ", number, " ", one$dataset, " ", one$type); next }
  add(number, one, "mu", c(fit$beta)); add(number, one, "tau2", fit$tau2)
  add(number, one, "loglik", as.numeric(logLik(fit)))
  given <- !anyNA(one$delta)
  if (!given) {
    first <- if (one$type == "stepfun") 2 else 1
    for (j in first:length(fit$delta)) {
      add(number, one, paste0("delta", j - first + 1), fit$delta[j])
      if (fit$tau2 > 1e-6) add(number, one, paste0("delta_se", j - first + 1), fit$se.delta[j])
    }
    add(number, one, "lrt", fit$LRT); add(number, one, "lrt_p", fit$LRTp)
  }
  if (fit$tau2 > 1e-6 || one$method == "EE") add(number, one, "mu_se", fit$se)
  if (fit$tau2 > 1e-6 && one$method != "EE") add(number, one, "tau2_se", fit$se.tau2)
  if (!given && one$method != "EE" && one$type == "stepfun" && length(one$steps) == 1) {
    for (what in c("tau2", "delta")) {
      ci <- try(suppressWarnings(if (what == "tau2") confint(fit, tau2 = TRUE, control = list(tol = 1e-10, maxiter = 5000))
                                 else confint(fit, delta = 2, control = list(tol = 1e-10, maxiter = 5000))), silent = TRUE)
      if (inherits(ci, "try-error")) { message("no interval: ", number, " ", what, ": ", ci); next }
      add(number, one, paste0(what, "_low"), ci$random[1, 2]); add(number, one, paste0(what, "_high"), ci$random[1, 3])
    }
  }
}
table <- do.call(rbind, rows)
write.csv(table, "selection.csv", row.names = FALSE, quote = FALSE)
versions <- data.frame(
  package = c("R", "metafor", "numDeriv"),
  version = c(paste(R.version$major, R.version$minor, sep = "."), as.character(packageVersion("metafor")), as.character(packageVersion("numDeriv"))))
write.csv(versions, "selection_versions.csv", row.names = FALSE, quote = FALSE)
