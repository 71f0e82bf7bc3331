# Effects by class, tipping biases, tipping effects of missing trials, and numbers of null trials, by metafor fits.
# Reads pooling_inputs.csv and unblinding_ketamine.csv; writes unblinding.csv and unblinding_versions.csv.
# Run in this folder with metafor 3.8-1: Rscript unblinding.R
# Studies in odd places of a classic set count as held against an inactive comparator. Two missing trials of the median
# variance are added. Every root is the first one from no bias, or from the pooled effect, on, on a grid that uniroot()
# refines.
suppressMessages(library(metafor))
# tau2 is sought to within a small share of the spread of the effects; damped where the full steps do not settle.
model <- function(y, v, method, test, ...) {
  once <- function(step, share) {
    control <- list(threshold = share * max(mean(v), var(y)), maxiter = 300, stepadj = step, tau2.max = 1e6)
    rma(y, v, method = method, test = test, control = control, ...)
  }
  tryCatch(once(1, 1e-11), error = function(e) tryCatch(once(0.5, 1e-10), error = function(e) once(0.3, 1e-8)))
}
first_root <- function(f, start, step) {
  x <- start
  fx <- f(x)
  if (fx <= 0) return(x)
  for (i in 1:400) {
    further <- x + step
    ff <- f(further)
    if (ff <= 0) return(uniroot(f, sort(c(x, further)), tol = 1e-12)$root)
    x <- further
    fx <- ff
  }
  NaN
}
inputs <- read.csv("pooling_inputs.csv")
sets <- split(inputs[c("yi", "vi")], inputs$dataset)
sets <- sets[c("bcg_rr", "hine1989_rd", "normand1999_md", "viechtbauer2005_1")]
for (set in names(sets)) sets[[set]]$active <- seq_len(nrow(sets[[set]])) %% 2 == 0
ketamine <- read.csv("unblinding_ketamine.csv")
ketamine$active <- ketamine$comparator_class == "psychoactive"
sets[["ketamine"]] <- ketamine[c("yi", "vi", "active")]
rows <- list()
add <- function(set, method, what, value) {
  rows[[length(rows) + 1]] <<- data.frame(dataset = set, method = method, what = what, value = sprintf("%.17g", value))
}
for (set in names(sets)) for (method in c("DL", "REML")) {
  y <- sets[[set]]$yi
  v <- sets[[set]]$vi
  active <- as.numeric(sets[[set]]$active)
  classes <- model(y, v, method, "knha", mods = ~ 0 + I(1 - active) + active)
  apart <- model(y, v, method, "knha", mods = ~ active)
  for (i in 1:2) {
    add(set, method, paste0("class_estimate", i), classes$beta[i])
    add(set, method, paste0("class_low", i), classes$ci.lb[i])
  }
  add(set, method, "difference", apart$beta[2])
  add(set, method, "difference_se", apart$se[2])
  add(set, method, "difference_high", apart$ci.ub[2])
  add(set, method, "difference_p", apart$pval[2])
  add(set, method, "class_tau2", apart$tau2)
  plain <- model(y, v, method, "knha")
  sign <- ifelse(plain$beta[1] > 0, 1, -1)
  unit <- sign * max(abs(plain$beta[1]), (plain$ci.ub - plain$ci.lb) / 2) / 16
  facing <- function(found) if (sign > 0) found$ci.lb else found$ci.ub
  moved <- function(b) model(y - b * (1 - active), v, method, "knha")
  add(set, method, "bias_estimate", first_root(function(b) sign * moved(b)$beta[1], 0, unit))
  add(set, method, "bias_interval", first_root(function(b) sign * facing(moved(b)), 0, unit))
  half <- function(b) model(y - b * ifelse(active == 1, 0.5, 1), v, method, "knha")
  add(set, method, "bias_half_estimate", first_root(function(b) sign * half(b)$beta[1], 0, unit))
  added <- function(d) model(c(y, d, d), c(v, rep(median(v), 2)), method, "adhoc")
  if (sign * facing(plain) > 0) {
    add(set, method, "effect_interval", first_root(function(d) sign * facing(added(d)), plain$beta[1], -unit))
    n <- 0
    repeat {
      n <- n + 1
      if (n > 60) break
      if (sign * facing(model(c(y, rep(0, n)), c(v, rep(median(v), n)), method, "adhoc")) <= 0) break
    }
    if (n <= 60) add(set, method, "null_interval", n)
  }
  add(set, method, "effect_estimate", first_root(function(d) sign * added(d)$beta[1], plain$beta[1], -unit))
}
write.csv(do.call(rbind, rows), "unblinding.csv", row.names = FALSE, quote = FALSE)
versions <- data.frame(
  package = c("R", "metafor"),
  version = c(paste(R.version$major, R.version$minor, sep = "."), as.character(packageVersion("metafor")))
)
write.csv(versions, "unblinding_versions.csv", row.names = FALSE, quote = FALSE)
