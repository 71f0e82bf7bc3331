# Reference values for ketameta.regress and ketameta.models.permutation.
#
#   Rscript regress.R          (in this directory; needs metafor, metadat)
#
# Writes regress_inputs.csv, regress_fits.csv, regress_coefficients.csv, regress_predictions.csv, regress_tau2.csv,
# regress_permutation.csv and regress_versions.csv. Numbers are printed with 17 significant digits.
# Years of konstantopoulos2011, li2007 and egger2001 are counted from 1980: see regress.md.
# Columns of the inputs: effects, variances, numeric moderators n1 to n4, categorical ones c1 and c2.

suppressMessages(library(metafor))

given <- function(d) data.frame(yi = as.numeric(d$yi), vi = as.numeric(d$vi))
or <- function(d, a, n1, c, n2, measure = "OR")
  given(escalc(measure, ai = d[[a]], n1i = d[[n1]], ci = d[[c]], n2i = d[[n2]]))
text <- function(x) paste0("l", x)

bcg <- given(escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg))
bcg <- cbind(bcg, n1 = dat.bcg$ablat, n2 = dat.bcg$year, c1 = dat.bcg$alloc)
rau <- dat.raudenbush1985
kon <- dat.konstantopoulos2011
ban <- dat.bangertdrowns2004
gib <- dat.gibson2002
mol <- dat.molloy2014
vie <- dat.viechtbauer2021
lin <- escalc("RR", ai = ai, ci = ci, n1i = n1i, n2i = n2i, data = dat.linde2005)[c(7:10, 13:25), ]
sets <- list(
  bcg_latitude = list(bcg, "n1"),
  bcg_all = list(bcg, "n1 + n2 + c1"),
  bcg_crossed = list(bcg, "n1 * c1"),
  bcg_means = list(bcg, "0 + c1"),
  raudenbush1985 = list(cbind(given(rau), n1 = pmin(rau$weeks, 3), c1 = rau$setting, c2 = rau$tester), "n1 + c1 + c2"),
  konstantopoulos2011 = list(cbind(given(kon), n1 = kon$year - 1980, c1 = text(kon$district)), "n1 + c1"),
  bangertdrowns2004 = list(cbind(given(ban), n1 = ban$length, n2 = ban$wic, n3 = ban$feedback, n4 = ban$info,
                                 c1 = text(ban$grade)), "n1 + n2 + n3 + n4 + c1"),
  bangertdrowns2004_two = list(cbind(given(ban), n1 = ban$length, n2 = ban$ni), "n1 + n2"),
  lau1992 = list(cbind(or(dat.lau1992, "ai", "n1i", "ci", "n2i"), n1 = dat.lau1992$year), "n1"),
  li2007 = list(cbind(or(dat.li2007, "ai", "n1i", "ci", "n2i"), n1 = dat.li2007$year - 1980), "n1"),
  pignon2000 = list(data.frame(yi = dat.pignon2000$OmE / dat.pignon2000$V, vi = 1 / dat.pignon2000$V,
                               c1 = text(dat.pignon2000$grp)), "c1"),
  hackshaw1998 = list(cbind(given(dat.hackshaw1998), n1 = dat.hackshaw1998$year, c1 = dat.hackshaw1998$design), "n1 + c1"),
  viechtbauer2021 = list(cbind(given(escalc("OR", ai = xTi, n1i = nTi, ci = xCi, n2i = nCi, add = 1/2, to = "all", data = vie)),
                               n1 = vie$dose), "n1 + I(n1^2)"),
  gibson2002 = list(cbind(given(escalc("SMD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = gib)),
                          n1 = gib$year, c1 = text(gib$type)), "n1 + c1"),
  molloy2014 = list(cbind(given(escalc("ZCOR", ri = ri, ni = ni, data = mol)), n1 = mol$meanage, n2 = mol$quality,
                          c1 = mol$controls), "n1 + n2 + c1"),
  linde2005 = list(cbind(given(lin), n1 = lin$dosage * 7 / 1000 * lin$duration - 34, n2 = lin$baseline - 20), "n1 * n2"),
  egger2001 = list(cbind(or(dat.egger2001, "ai", "n1i", "ci", "n2i"), n1 = dat.egger2001$year - 1980), "n1"),
  curtis1998 = list(cbind(given(escalc("ROM", m1i = m2i, sd1i = sd2i, n1i = n2i, m2i = m1i, sd2i = sd1i, n2i = n1i, data = dat.curtis1998)),
                          n1 = dat.curtis1998$time, c1 = dat.curtis1998$fungrp, c2 = dat.curtis1998$method), "n1 + c1 + c2")
)

# Scaled by the data, because the thresholds of rma() are absolute; a step of 1 first, shorter ones where it swings.
control <- function(d, method, step) {
  top <- 100 * (var(d$yi) + max(d$vi))
  if (method == "PM") return(list(tau2.max = top, tol = 1e-18 * top, maxiter = 100000))
  list(threshold = 1e-12 * mean(d$vi), maxiter = 3000, stepadj = step)
}
steady <- function(call) {
  for (step in c(1, 0.5, 0.2, 0.05)) {
    res <- try(suppressWarnings(call(step)), silent = TRUE)
    if (!inherits(res, "try-error")) return(res)
  }
  stop("no fit converges")
}
estimators <- c("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")
tests <- c(Wald = "z", HKSJ = "knha", "HKSJ-adhoc" = "adhoc")
number <- function(x) sprintf("%.17g", as.numeric(x))
columns <- c("yi", "vi", "n1", "n2", "n3", "n4", "c1", "c2")

inputs <- fits <- coefs <- preds <- taus <- perms <- list()
complete <- function(set) {
  d <- set[[1]]
  d <- d[complete.cases(d), ]
  for (name in c("c1", "c2")) if (name %in% names(d)) {
    d[[name]] <- as.character(d[[name]])
    d[[name]] <- factor(d[[name]], levels = sort(unique(d[[name]]), method = "radix"))
  }
  d
}
model <- function(d, formula, method, test)
  steady(function(step) rma(yi, vi, mods = as.formula(paste("~", formula)), data = d, method = method, test = test,
                            control = control(d, method, step)))

for (name in names(sets)) {
  d <- complete(sets[[name]])
  formula <- sets[[name]][[2]]
  wide <- d
  for (column in setdiff(columns, names(d))) wide[[column]] <- NA
  inputs[[name]] <- data.frame(set = name, formula = gsub("^", "**", formula, fixed = TRUE), lapply(wide[columns], function(x)
    if (is.numeric(x)) number(x) else as.character(x)))
  q <- confint(model(d, formula, "REML", "z"), control = list(tol = 1e-18, maxiter = 100000, tau2.max = 100 * (var(d$yi) + max(d$vi))))$random
  taus[[name]] <- data.frame(set = name, low = number(q["tau^2", "ci.lb"]), high = number(q["tau^2", "ci.ub"]))
  for (method in estimators) for (ci in names(tests)) {
    if (method == "EE" && ci != "Wald") next
    res <- model(d, formula, method, tests[[ci]])
    id <- data.frame(set = name, tau2_method = method, ci = ci)
    p <- res$p
    last <- anova(res, btt = max(1, p - 1):p)
    weights <- rbind(seq_len(p) / p, rev(seq_len(p)^2))
    if (p == 2) weights <- weights[1, , drop = FALSE]
    linear <- anova(res, X = weights, rhs = 0.1)
    fits[[length(fits) + 1]] <- cbind(id, k = res$k, p = p, tau2 = number(res$tau2), i2 = number(res$I2), h2 = number(res$H2),
      r2 = number(if (is.null(res$R2) || method == "EE") NA else res$R2), qm = number(res$QM), qm_df1 = res$QMdf[1], qm_df2 = number(res$QMdf[2]),
      qm_p = number(res$QMp), qe = number(res$QE), qe_p = number(res$QEp),
      loglik = number(res$fit.stats["ll", if (method == "REML") "REML" else "ML"]),
      last_stat = number(last$QM), last_p = number(last$QMp), linear_stat = number(linear$QM), linear_p = number(linear$QMp),
      linear_p1 = number(linear$pval[1]))
    coefs[[length(coefs) + 1]] <- cbind(id[rep(1, p), ], j = seq_len(p), estimate = number(res$beta), se = number(res$se),
      ci_low = number(res$ci.lb), ci_high = number(res$ci.ub), pval = number(res$pval))
    if (method %in% c("EE", "DL", "REML")) {
      at <- c(1, ceiling(res$k / 2), res$k)
      pr <- predict(res)
      preds[[length(preds) + 1]] <- cbind(id[rep(1, 3), ], row = at, estimate = number(pr$pred[at]), se = number(pr$se[at]),
        ci_low = number(pr$ci.lb[at]), ci_high = number(pr$ci.ub[at]),
        pi_low = number(if (method == "EE") NA else pr$pi.lb[at]), pi_high = number(if (method == "EE") NA else pr$pi.ub[at]))
    }
  }
}

# Exact permutation tests on the first studies of some sets.
few <- list(bcg_latitude = 6, lau1992 = 6, li2007 = 6, raudenbush1985 = 7, egger2001 = 6)
for (name in names(few)) for (method in c("EE", "DL", "REML", "PM")) for (ci in c("Wald", "HKSJ")) {
  if (method == "EE" && ci == "HKSJ") next
  d <- complete(sets[[name]])[seq_len(few[[name]]), ]
  how <- control(d, method, 1)
  mean <- suppressWarnings(rma(yi, vi, data = d, method = method, test = tests[[ci]], control = how))
  slope <- suppressWarnings(rma(yi, vi, mods = ~ n1, data = d, method = method, test = tests[[ci]], control = how))
  set.seed(1)
  flips <- suppressWarnings(permutest(mean, exact = TRUE, progbar = FALSE))
  rows <- suppressWarnings(permutest(slope, exact = TRUE, progbar = FALSE))
  perms[[length(perms) + 1]] <- data.frame(set = name, k = few[[name]], tau2_method = method, ci = ci,
    flips_n = length(unlist(flips$zval.perm)), flips_p = number(flips$pval), flips_missing = sum(is.na(unlist(flips$zval.perm))),
    rows_n = nrow(rows$zval.perm), rows_p = number(rows$pval[2]), rows_qm_p = number(rows$QMp),
    rows_missing = sum(is.na(rows$zval.perm[, 2])))
}

put <- function(parts, name) write.csv(do.call(rbind, parts), paste0("regress_", name, ".csv"), row.names = FALSE, quote = FALSE, na = "")
put(inputs, "inputs"); put(fits, "fits"); put(coefs, "coefficients"); put(preds, "predictions"); put(taus, "tau2"); put(perms, "permutation")
put(list(data.frame(what = c("R", "metafor", "metadat"), version = c(as.character(getRversion()), as.character(packageVersion("metafor")),
    as.character(packageVersion("metadat"))))), "versions")
