# Reference values for ketameta.pool and ketameta.subgroups.
#
#   Rscript pooling.R          (in this directory; needs metafor, metadat, jsonlite)
#
# Writes pooling_inputs.csv, pooling_tau2.csv, pooling_mean.csv, pooling_groups_inputs.csv, pooling_groups.csv,
# pooling_modes.csv and pooling_session.json.
# Numbers are printed with 17 significant digits.

suppressMessages(library(metafor))

or  <- function(d, a, n1, c, n2, measure = "OR") {
  e <- escalc(measure, ai = d[[a]], n1i = d[[n1]], ci = d[[c]], n2i = d[[n2]])
  data.frame(yi = as.numeric(e$yi), vi = as.numeric(e$vi))
}
tab <- function(d, a, b, c, e, measure) {
  x <- escalc(measure, ai = d[[a]], bi = d[[b]], ci = d[[c]], di = d[[e]])
  data.frame(yi = as.numeric(x$yi), vi = as.numeric(x$vi))
}
means <- function(d, measure) {
  x <- escalc(measure, m1i = d$m1i, sd1i = d$sd1i, n1i = d$n1i, m2i = d$m2i, sd2i = d$sd2i, n2i = d$n2i)
  data.frame(yi = as.numeric(x$yi), vi = as.numeric(x$vi))
}
zcor <- function(d) {
  x <- escalc("ZCOR", ri = d$ri, ni = d$ni)
  data.frame(yi = as.numeric(x$yi), vi = as.numeric(x$vi))
}
given <- function(d) data.frame(yi = as.numeric(d$yi), vi = as.numeric(d$vi))

bcg <- tab(dat.bcg, "tpos", "tneg", "cpos", "cneg", "RR")
sets <- list(
  bcg_rr            = bcg,
  bcg_or            = tab(dat.bcg, "tpos", "tneg", "cpos", "cneg", "OR"),
  bcg_rd            = tab(dat.bcg, "tpos", "tneg", "cpos", "cneg", "RD"),
  bcg_first_two     = bcg[1:2, ],
  bcg_first_three   = bcg[1:3, ],
  viechtbauer2005_1 = data.frame(yi = c(-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232),
                                 vi = c(0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040)),
  axfors2021        = or(dat.axfors2021, "hcq_arm_event", "hcq_arm_total", "control_arm_event", "control_arm_total"),
  bangertdrowns2004 = given(dat.bangertdrowns2004),
  baskerville2012   = data.frame(yi = dat.baskerville2012$smd, vi = dat.baskerville2012$se^2),
  bornmann2007      = or(dat.bornmann2007, "waward", "wtotal", "maward", "mtotal"),
  cohen1981_z       = zcor(dat.cohen1981),
  collins1985a      = or(dat.collins1985a, "b.xti", "nti", "b.xci", "nci"),
  collins1985b      = or(dat.collins1985b, "pre.xti", "pre.nti", "pre.xci", "pre.nci"),
  curtis1998_rom    = means(dat.curtis1998, "ROM"),
  damico2009        = or(dat.damico2009, "xt", "nt", "xc", "nc"),
  dorn2007          = or(dat.dorn2007, "x.a", "n.a", "x.p", "n.p", "RR"),
  egger2001         = or(dat.egger2001, "ai", "n1i", "ci", "n2i"),
  gibson2002        = means(dat.gibson2002, "SMD"),
  graves2010        = or(dat.graves2010, "ai", "n1i", "ci", "n2i"),
  hackshaw1998      = given(dat.hackshaw1998),
  hahn2001          = or(dat.hahn2001, "ai", "n1i", "ci", "n2i", "RR"),
  hine1989_rd       = or(dat.hine1989, "ai", "n1i", "ci", "n2i", "RD"),
  knapp2017         = given(dat.knapp2017),
  konstantopoulos   = given(dat.konstantopoulos2011),
  landenberger2005  = tab(dat.landenberger2005, "n.cbt.rec", "n.cbt.non", "n.ctrl.rec", "n.ctrl.non", "OR"),
  laopaiboon2015    = or(dat.laopaiboon2015, "ai", "n1i", "ci", "n2i", "RR"),
  lau1992           = or(dat.lau1992, "ai", "n1i", "ci", "n2i"),
  lee2004           = or(dat.lee2004, "ai", "n1i", "ci", "n2i", "RR"),
  li2007            = or(dat.li2007, "ai", "n1i", "ci", "n2i"),
  linde2005         = or(dat.linde2005, "ai", "n1i", "ci", "n2i", "RR"),
  mcdaniel1994_z    = zcor(dat.mcdaniel1994),
  molloy2014_z      = zcor(dat.molloy2014),
  nielweise2007     = or(dat.nielweise2007, "ai", "n1i", "ci", "n2i"),
  normand1999_md    = means(dat.normand1999, "MD"),
  pignon2000        = with(dat.pignon2000, data.frame(yi = OmE / V, vi = 1 / V)),
  raudenbush1985    = given(dat.raudenbush1985),
  viechtbauer2021   = or(dat.viechtbauer2021, "xTi", "nTi", "xCi", "nCi"),
  yusuf1985_6       = or(dat.yusuf1985[dat.yusuf1985$table == 6, ], "ai", "n1i", "ci", "n2i")
)
sets <- lapply(sets, function(d) d[is.finite(d$yi) & is.finite(d$vi) & d$vi > 0, ])

methods <- c("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")
tests <- c("z", "knha", "adhoc")
# Scaled by the data, because rma()'s thresholds are absolute.
control <- function(d, method) {
  top <- 100 * (max(d$vi) + var(d$yi))
  if (method == "PM") return(list(tau2.max = top, tol = 1e-15 * top, maxiter = 10000))
  list(threshold = 1e-13 * mean(d$vi), maxiter = 100000)
}
fit <- function(d, method, test, mods = NULL) {
  args <- list(yi = d$yi, vi = d$vi, method = method, test = test, control = control(d, method))
  if (!is.null(mods)) args$mods <- mods
  suppressWarnings(do.call(rma, args))
}
text <- function(x) ifelse(is.na(x), "", sprintf("%.17g", x))
write <- function(rows, name) {
  table <- do.call(rbind, rows)
  numeric <- sapply(table, is.numeric)
  table[numeric] <- lapply(table[numeric], text)
  write.csv(table, name, row.names = FALSE, quote = FALSE)
}

inputs <- list(); tau2 <- list(); mean_ <- list()
for (name in names(sets)) {
  d <- sets[[name]]
  inputs[[name]] <- data.frame(dataset = name, yi = d$yi, vi = d$vi)
  for (method in methods) {
    f <- try(fit(d, method, "z"), silent = TRUE)
    if (inherits(f, "try-error")) { message(name, " ", method, ": ", f); next }
    ci <- matrix(NA_real_, 4, 3)
    if (method != "EE") {
      top <- 1e6 * (max(d$vi) + var(d$yi))
      ci <- confint(f, control = list(tau2.max = top, tol = 1e-18 * top, maxiter = 100000))$random
    }
    tau2[[paste(name, method)]] <- data.frame(
      dataset = name, method = method, k = f$k, tau2 = f$tau2, i2 = f$I2, h2 = f$H2, q = f$QE, q_p = f$QEp,
      loglik = as.numeric(logLik(f)), tau2_low = ci[1, 2], tau2_high = ci[1, 3],
      i2_low = ci[3, 2], i2_high = ci[3, 3], h2_low = ci[4, 2], h2_high = ci[4, 3])
    for (test in tests) {
      f <- fit(d, method, test)
      p <- predict(f)
      r <- predict(f, pi.type = "riley")
      has <- function(p) if (is.null(p$pi.lb)) c(NA_real_, NA_real_) else c(p$pi.lb, p$pi.ub)
      mean_[[paste(name, method, test)]] <- data.frame(
        dataset = name, method = method, test = test, estimate = as.numeric(f$beta), se = f$se,
        ci_low = f$ci.lb, ci_high = f$ci.ub, stat = f$zval, p = f$pval,
        pi_low = has(p)[1], pi_high = has(p)[2], riley_low = has(r)[1], riley_high = has(r)[2])
    }
  }
}
write(inputs, "pooling_inputs.csv")
write(tau2, "pooling_tau2.csv")
write(mean_, "pooling_mean.csv")

# Subgroups: BCG risk ratios by method of allocation; writing-to-learn by use of imaginative prompts.
groups <- list(
  bcg_alloc = cbind(bcg, g = dat.bcg$alloc),
  bangertdrowns_imag = with(subset(dat.bangertdrowns2004, !is.na(imag)), data.frame(yi = as.numeric(yi), vi = as.numeric(vi), g = paste0("imag", imag)))
)
out <- list()
for (name in names(groups)) {
  d <- groups[[name]]
  for (method in c("DL", "HE", "HS", "SJ", "ML", "REML", "PM")) {
    levels <- unique(d$g)
    separate <- lapply(levels, function(g) fit(d[d$g == g, ], method, "z"))
    between <- rma(yi = sapply(separate, function(f) as.numeric(f$beta)), sei = sapply(separate, function(f) f$se), method = "EE")
    X <- sapply(levels, function(g) as.numeric(d$g == g))
    for (test in tests) {
      f <- suppressWarnings(rma(yi, vi, mods = X, intercept = FALSE, data = d, method = method, test = test, control = control(d, method)))
      z <- rma(yi, vi, mods = X, intercept = FALSE, data = d, method = method, control = control(d, method))
      L <- cbind(-1, diag(length(levels) - 1))
      b <- as.numeric(L %*% z$beta)
      for (i in seq_along(levels)) out[[length(out) + 1]] <- data.frame(
        dataset = name, method = method, test = test, group = levels[i],
        common_tau2 = f$tau2, common_estimate = f$beta[i], common_se = f$se[i], common_low = f$ci.lb[i], common_high = f$ci.ub[i],
        common_p = f$pval[i], common_q = as.numeric(t(b) %*% solve(L %*% z$vb %*% t(L)) %*% b),
        separate_tau2 = separate[[i]]$tau2, separate_q = between$QE, separate_p = between$QEp)
    }
  }
}
write(out, "pooling_groups.csv")
inputs <- lapply(names(groups), function(name) cbind(dataset = name, groups[[name]]))
write(inputs, "pooling_groups_inputs.csv")

# A sample whose restricted likelihood has two maxima: where rma() ends, and the best of a fine grid refined
# by optimize() on the log-likelihood that rma() reports at a fixed tau2.
y <- c(-1.9, -0.1, -3.5, -0.1, -4.9, -0.1)
v <- c(15.93, 0.04, 20.6, 0.02, 1.08, 0.33)
ll <- function(t) as.numeric(logLik(rma(y, v, tau2 = t)))
grid <- seq(0, 50, by = 0.05)
top <- grid[which.max(sapply(grid, ll))]
best <- optimize(ll, c(max(0, top - 0.05), top + 0.05), maximum = TRUE, tol = 1e-12)
scored <- suppressWarnings(rma(y, v, control = list(threshold = 1e-13, maxiter = 100000)))
write(list(data.frame(rma_tau2 = scored$tau2, rma_loglik = as.numeric(logLik(scored)),
                      best_tau2 = best$maximum, best_loglik = best$objective)), "pooling_modes.csv")

jsonlite::write_json(list(
  R = R.version.string, metafor = as.character(packageVersion("metafor")),
  metadat = as.character(packageVersion("metadat"))), "pooling_session.json", auto_unbox = TRUE, pretty = TRUE)
