# Reference values for ketameta.counts: Mantel-Haenszel, Peto, and binomial-normal models.
# Run from this folder: Rscript counts.R   (metafor, metadat, lme4, BiasedUrn, numDeriv)
#
# counts_weighted.csv  metafor: rma.mh, rma.peto, rma.uni with the tau2 that is worked out below
# counts_glmm.csv      source "metafor": rma.glmm as it comes; source "grid": the likelihood on a dense trapezoid
#                      grid, written out below, maximised by Newton steps with Richardson derivatives
suppressMessages({library(metafor); library(numDeriv)})

pick <- function(a, n1, c, n2) data.frame(a = a, n1 = n1, c = c, n2 = n2)
sets <- list(
  bcg = with(dat.bcg, pick(tpos, tpos + tneg, cpos, cpos + cneg)),
  nielweise2007 = with(dat.nielweise2007, pick(ai, n1i, ci, n2i)),
  collins1985a = with(dat.collins1985a, pick(b.xti, nti, b.xci, nci)),
  collins1985b = with(dat.collins1985b, pick(pre.xti, pre.nti, pre.xci, pre.nci)),
  yusuf1985 = with(subset(dat.yusuf1985, table == 6), pick(ai, n1i, ci, n2i)),
  hine1989 = with(dat.hine1989, pick(ai, n1i, ci, n2i)),
  graves2010 = with(dat.graves2010, pick(ai, n1i, ci, n2i)),
  egger2001 = with(dat.egger2001, pick(ai, n1i, ci, n2i)),
  li2007 = with(dat.li2007, pick(ai, n1i, ci, n2i)),
  lee2004 = with(dat.lee2004, pick(ai, n1i, ci, n2i)),
  damico2009 = with(dat.damico2009, pick(xt, nt, xc, nc)),
  laopaiboon2015 = with(dat.laopaiboon2015, pick(ai, n1i, ci, n2i)),
  axfors2021 = with(subset(dat.axfors2021, hcq_cq == "hcq"),
                    pick(hcq_arm_event, hcq_arm_total, control_arm_event, control_arm_total)),
  ketamine24h = pick(c(8, 12, 8, 12), c(18, 34, 20, 20), c(1, 1, 6, 10), c(18, 33, 21, 20))
)
sets <- lapply(sets, function(d) { d <- d[complete.cases(d), ]; d[d$n1 > 0 & d$n2 > 0, ] })

f <- function(x) formatC(as.numeric(x), format = "g", digits = 17)
inputs <- do.call(rbind, lapply(names(sets), function(s) cbind(set = s, sets[[s]])))
write.csv(inputs, "counts_inputs.csv", row.names = FALSE, quote = FALSE)

first <- function(x) if (is.null(x)) NA else x
weighted <- NULL
for (s in names(sets)) {
  d <- sets[[s]]
  for (m in c("OR", "RR", "RD", "PETO")) {
    r <- if (m == "PETO") rma.peto(ai = a, n1i = n1, ci = c, n2i = n2, data = d)
         else rma.mh(measure = m, ai = a, n1i = n1, ci = c, n2i = n2, data = d)
    e <- suppressWarnings(escalc(measure = m, ai = a, n1i = n1, ci = c, n2i = n2, data = d, drop00 = TRUE,
                add = if (m == "PETO") 0 else 1/2))
    e <- e[!is.na(e$yi), ]
    w <- 1 / e$vi
    q <- sum(w * (e$yi - c(r$beta))^2)
    tau2 <- max(0, (q - (nrow(e) - 1)) / (sum(w) - sum(w^2) / sum(w)))
    u <- rma.uni(e$yi, e$vi, tau2 = tau2)
    weighted <- rbind(weighted, data.frame(set = s, measure = m, estimate = f(r$beta), se = f(r$se), ci_low = f(r$ci.lb),
      ci_high = f(r$ci.ub), p = f(r$pval), q = f(r$QE), q_p = f(r$QEp), q_df = nrow(e) - 1, i2 = f(r$I2), bd = f(first(r$BD)),
      ta = f(first(r$TA)), dl_tau2 = f(tau2), dl_estimate = f(u$beta), dl_se = f(u$se)))
  }
}
write.csv(weighted, "counts_weighted.csv", row.names = FALSE, quote = FALSE)

# log densities of one study ------------------------------------------------------------------------------------------
binomials <- function(d, t, level)
  dbinom(d$a, d$n1, plogis(level + t / 2), log = TRUE) + dbinom(d$c, d$n2, plogis(level - t / 2), log = TRUE)
hypergeometric <- function(d, t) {
  x <- max(0, d$a + d$c - d$n2):min(d$n1, d$a + d$c)
  l <- lchoose(d$n1, x) + lchoose(d$n2, d$a + d$c - x)
  e <- outer(t, x) + rep(l, each = length(t))
  top <- as.numeric(do.call(pmax, asplit(e, 2)))
  l[x == d$a] + t * d$a - top - log(rowSums(exp(e - top)))
}
logsum <- function(x) { m <- max(x); m + log(sum(exp(x - m))) }

# a trapezoid grid about the peak of a study's integrand, left where it is while parameters move a little
grid1 <- function(h) {
  o <- optimize(h, c(-9, 9), maximum = TRUE, tol = 1e-8)$maximum
  s <- 1 / sqrt(max(1, -(h(o + 1e-4) - 2 * h(o) + h(o - 1e-4)) / 1e-8))
  seq(max(-10, o - 40 * s), min(10, o + 40 * s), length.out = 481)
}
mean1 <- function(v, z) logsum(v + dnorm(z, log = TRUE)) + log(z[2] - z[1])
grid2 <- function(h) {
  o <- nlm(function(z) -h(z[1], z[2]), c(0, 0), gradtol = 1e-10)$estimate
  L <- t(chol(solve(-hessian(function(z) h(z[1], z[2]), o))))
  x <- seq(-9, 9, by = 0.25)
  g <- as.matrix(expand.grid(x, x))
  list(z = sweep(g %*% t(L), 2, o, "+"), volume = log(0.25^2 * prod(diag(L))))
}

newton <- function(fn, x, d = 0.1) {                # d: relative step of the second derivatives
  for (i in 1:8) {
    g <- grad(fn, x); H <- hessian(fn, x, method.args = list(d = d))
    step <- -solve(H, g)
    x <- x + step
    if (max(abs(step)) < 1e-6) break
  }
  list(x = x, value = fn(x), H = hessian(fn, x, method.args = list(d = d)))
}

one <- function(s, model, source, x) data.frame(set = s, model = model, source = source, estimate = f(x[1]), se = f(x[2]),
  tau2 = f(x[3]), sigma2 = f(x[4]), loglik = f(x[5]), lrt = f(x[6]), wald = f(x[7]), df = f(x[8]))

glmms <- NULL
for (s in names(sets)) {
  d <- sets[[s]]
  told <- d$a + d$c > 0 & d$a + d$c < d$n1 + d$n2
  for (model in c("UM.FS", "CM.EL", "UM.RS")) {
    use <- if (model == "UM.RS") d else d[told, ]
    studies <- split(use, seq_len(nrow(use)))
    if (model == "UM.RS" && nrow(use) > 20) next
    r <- suppressMessages(suppressWarnings(try(rma.glmm(measure = "OR", ai = a, n1i = n1, ci = c, n2i = n2, data = use, drop00 = FALSE,
      model = model, nAGQ = if (model == "UM.FS") 25 else 7, control = list(tau2tol = 1e-9)), silent = TRUE)))
    start <- if (model == "UM.FS") c(-0.5, 0.3) else unconditional
    if (!inherits(r, "try-error")) {
      glmms <- rbind(glmms, one(s, model, "metafor", c(r$beta, r$se, r$tau2, if (model == "UM.RS") r$sigma2 else NA,
        r$fit.stats["ll", "ML"], r$QE.LRT, r$QE.Wld, r$QE.df)))
      start <- c(r$beta, sqrt(r$tau2))
    }
    if (model == "UM.FS") unconditional <- start
    level0 <- with(use, (qlogis((a + .5) / (n1 + 1)) + qlogis((c + .5) / (n2 + 1))) / 2)
    # no heterogeneity
    if (model == "UM.FS") {
      best <- sum(with(use, dbinom(a, n1, a / n1, log = TRUE) + dbinom(c, n2, c / n2, log = TRUE)))
      long <- data.frame(y = c(use$a, use$c), n = c(use$n1, use$n2), g = rep(c(.5, -.5), each = nrow(use)),
                         i = factor(rep(seq_len(nrow(use)), 2)))
      g <- glm(cbind(y, n - y) ~ 0 + g + i, family = binomial, data = long, control = list(epsilon = 1e-15, maxit = 100))
      flat <- c(coef(g)[["g"]], sqrt(vcov(g)[1, 1]), 0, NA, as.numeric(logLik(g)))
      y <- with(use, log(a * (n2 - c) / (c * (n1 - a)))); w <- with(use, 1 / (1 / a + 1 / c + 1 / (n1 - a) + 1 / (n2 - c)))
      fn <- function(p) {
        sum(mapply(function(st, z, l0) {
          v <- function(l) mean1(binomials(st, p[1] + p[2] * z, l), z)
          optimize(v, c(l0 - 1.5, l0 + 1.5), maximum = TRUE, tol = 1e-10)$objective
        }, studies, zs, level1))
      }
    } else if (model == "CM.EL") {
      own <- sapply(studies, function(st) {
        x <- max(0, st$a + st$c - st$n2):min(st$n1, st$a + st$c)
        if (st$a == min(x) || st$a == max(x)) return(c(0, NA, 0))
        moments <- function(t) {
          l <- lchoose(st$n1, x) + lchoose(st$n2, st$a + st$c - x) + t * x
          p <- exp(l - max(l)); p <- p / sum(p)
          c(sum(p * x), sum(p * (x - sum(p * x))^2))
        }
        t0 <- uniroot(function(t) moments(t)[1] - st$a, c(-15, 15), tol = 1e-14)$root
        c(hypergeometric(st, t0), t0, moments(t0)[2])
      })
      best <- sum(own[1, ]); y <- own[2, ]; w <- own[3, ]
      v <- function(t) sum(sapply(studies, hypergeometric, t = t))
      o <- newton(v, optimize(v, c(-5, 5), maximum = TRUE, tol = 1e-9)$maximum)
      flat <- c(o$x, sqrt(-1 / o$H[1, 1]), 0, NA, o$value)
      fn <- function(p) sum(mapply(function(st, z) mean1(hypergeometric(st, p[1] + p[2] * z), z), studies, zs))
    } else {
      y <- w <- best <- NA
      fn <- function(p) sum(mapply(function(st, g)
        logsum(binomials(st, p[1] + p[2] * g$z[, 1], p[3] + p[4] * g$z[, 2]) - rowSums(g$z^2) / 2) - log(2 * pi) + g$volume,
        studies, zs))
    }
    ok <- is.finite(y) & is.finite(w) & w > 0
    wald <- if (model == "UM.RS") NA else sum(w[ok] * (y[ok] - weighted.mean(y[ok], w[ok]))^2)
    lrt <- if (model == "UM.RS") NA else 2 * (best - flat[5])
    df <- if (model == "UM.RS") NA else sum(ok) - 1
    if (start[2] < 1e-3) {
      if (model != "UM.RS") glmms <- rbind(glmms, one(s, model, "grid", c(flat, lrt, wald, df)))
      next
    }
    for (round in seq_len(if (inherits(r, "try-error") || model == "UM.RS") 2 else 1)) {   # the second time with the grid about the first answer
      if (model == "UM.FS") {
        level1 <- sapply(seq_along(studies), function(i) {
          z <- seq(-9, 9, length.out = 1201)
          optimize(function(l) mean1(binomials(studies[[i]], start[1] + start[2] * z, l), z), level0[i] + c(-2, 2),
                   maximum = TRUE, tol = 1e-9)$maximum })
        zs <- mapply(function(st, l) grid1(function(z) binomials(st, start[1] + start[2] * z, l) - z^2 / 2), studies, level1,
                     SIMPLIFY = FALSE)
      } else if (model == "CM.EL") {
        zs <- lapply(studies, function(st) grid1(function(z) hypergeometric(st, start[1] + start[2] * z) - z^2 / 2))
      } else {
        if (round == 1) start <- c(start[1:2], mean(level0), if (inherits(r, "try-error")) 1 else sqrt(r$sigma2))
        zs <- lapply(studies, function(st)
          grid2(function(z1, z2) binomials(st, start[1] + start[2] * z1, start[3] + start[4] * z2) - (z1^2 + z2^2) / 2))
      }
      o <- try(newton(fn, start, if (model == "UM.RS") 1e-2 else 0.1), silent = TRUE)
      if (inherits(o, "try-error")) break
      start <- o$x
    }
    if (inherits(o, "try-error")) { message(s, " ", model, ": no grid value"); next }
    V <- solve(-o$H)
    glmms <- rbind(glmms, one(s, model, "grid", c(o$x[1], sqrt(V[1, 1]), o$x[2]^2, if (model == "UM.RS") o$x[4]^2 else NA,
      o$value, lrt, wald, df)))
    message(s, " ", model)
    write.csv(glmms, "counts_glmm.csv", row.names = FALSE, quote = FALSE)
  }
}
write.csv(glmms, "counts_glmm.csv", row.names = FALSE, quote = FALSE)

versions <- sapply(c("metafor", "metadat", "lme4", "numDeriv"), function(p) as.character(packageVersion(p)))
write.csv(data.frame(package = c("R", names(versions)), version = c(as.character(getRversion()), versions)),
          "counts_versions.csv", row.names = FALSE, quote = FALSE)
