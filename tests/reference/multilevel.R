# Multivariate and multilevel models by metafor, cluster-robust tests by clubSandwich: writes multilevel_*.csv.
# Run in this directory with metafor 5.1, metadat, clubSandwich, numDeriv. Argument: the folder with the two SYPRES time-course tables
# (sypres_psilodep_timecourse.csv, sypres_mdmaptsd_timecourse.csv); without it multilevel_psilodep.csv and
# multilevel_mdmaptsd.csv, which this script wrote, are read again.

suppressMessages({ library(metafor); library(metadat); library(clubSandwich); library(numDeriv) })
folder <- commandArgs(trailingOnly = TRUE)

# ---- data -------------------------------------------------------------------------------------------------------------

sets <- list()
add <- function(name, d, V) {
  V <- if (is.matrix(V)) V else diag(V)
  d$vi <- diag(V)
  sets[[name]] <<- list(d = d, V = V)
}

d <- reshape(dat.ishak2007, direction = "long", idvar = "study", v.names = c("yi", "vi"),
             varying = list(c(2, 4, 6, 8), c(3, 5, 7, 9)))
d <- d[order(d$study, d$time), ]; d <- d[!is.na(d$yi), ]
d <- data.frame(study = as.integer(factor(d$study)), time = d$time, mdur = d$mdur, mbase = d$mbase, yi = d$yi, vi = d$vi)
add("ishak2007", d, vcalc(vi, cluster = study, time1 = time, phi = 0.97, data = d))
add("ishak2007ind", d, d$vi)

d <- dat.fine1993
for (j in 1:4) d <- escalc("OR", ai = d[[paste0("e", j, "i")]], n1i = nei, ci = d[[paste0("c", j, "i")]], n2i = nci,
                           data = d, var.names = paste0(c("y", "v"), j, "i"))
event <- as.matrix(d[paste0("e", 1:4, "i")]); control <- as.matrix(d[paste0("c", 1:4, "i")])
long <- data.frame(study = rep(d$study, each = 4), time = 1:4, yi = c(t(d[paste0("y", 1:4, "i")])),
                   vi = c(t(d[paste0("v", 1:4, "i")])))
V <- matrix(0, nrow(long), nrow(long))
for (i in seq_len(nrow(d))) {
  S <- diag(as.numeric(d[i, paste0("v", 1:4, "i")]))
  for (a in 1:3) for (b in (a + 1):4)
    S[a, b] <- S[b, a] <- d$nei[i] / (event[i, a] * (d$nei[i] - event[i, b])) + d$nci[i] / (control[i, a] * (d$nci[i] - control[i, b]))
  kept <- !is.na(diag(S))
  values <- eigen(S[kept, kept], symmetric = TRUE)
  if (all(kept) && any(values$values <= 0.08)) S <- round(values$vectors %*% diag(values$values + 0.08) %*% t(values$vectors), 12)
  V[4 * i - 3:0, 4 * i - 3:0] <- S
}
kept <- !is.na(long$yi)
add("fine1993", long[kept, ], V[kept, kept])

d <- dat.konstantopoulos2011; d$year <- d$year - mean(d$year)
add("konstantopoulos2011", as.data.frame(d[c("district", "school", "study", "year", "yi", "vi")]), d$vi)

d <- dat.berkey1998
add("berkey1998", data.frame(trial = d$trial, outcome = as.character(d$outcome), year = d$year - 1983, yi = as.numeric(d$yi), vi = as.numeric(d$vi)),
    vcalc(vi = 1, cluster = author, rvars = c(v1i, v2i), data = d))

d <- dat.assink2016
d <- data.frame(study = d$study, esid = d$esid, year = as.numeric(d$year), deltype = as.character(d$deltype), yi = as.numeric(d$yi), vi = as.numeric(d$vi))
add("assink2016", d, vcalc(vi, cluster = study, obs = esid, rho = 0.6, data = d))
add("assink2016ind", d, d$vi)

sypres <- function(name, cluster) {
  own <- paste0("multilevel_", name, ".csv")
  if (!length(folder)) return(read.csv(own))
  d <- read.csv(file.path(folder, paste0("sypres_", name, "_timecourse.csv")), check.names = FALSE)
  d <- data.frame(study = d[[cluster]], days = d$time_days, yi = d$.g, vi = d$.g_se^2)
  d <- d[order(d$study, d$days), ]
  data.frame(study = d$study, esid = ave(d$days, d$study, FUN = seq_along), days = d$days, weeks = d$days / 7,
             logdays = log(d$days), yi = d$yi, vi = d$vi)
}
for (name in c("psilodep", "mdmaptsd")) {
  d <- sypres(name, c(psilodep = "study", mdmaptsd = "study_cluster")[[name]])
  add(name, d, vcalc(vi, cluster = study, obs = esid, rho = 0.6, data = d))
}

d <- dat.knapp2017; d$task <- as.character(d$task)
d$cell <- unlist(lapply(split(d, d$study), function(x) {
  hard <- as.integer(factor(x$difficulty)); hard[is.na(hard)] <- 1
  paste0(as.integer(factor(x$task)), ".", hard)
}))
R <- matrix(0.4, 8, 8); R[5:8, 1:4] <- R[1:4, 5:8] <- 0.28
diag(R[1:4, 5:8]) <- 0.7; diag(R[5:8, 1:4]) <- 0.7; diag(R) <- 1
rownames(R) <- colnames(R) <- paste0(rep(1:2, each = 4), ".", 1:4)
V <- vcalc(vi, cluster = study, grp1 = group1, grp2 = group2, w1 = n_sz, w2 = n_hc, obs = cell, rho = R, data = d)
d <- data.frame(study = d$study, comp = d$comp, task = d$task, difficulty = d$difficulty, yi = as.numeric(d$yi), vi = as.numeric(d$vi))
add("knapp2017", d, V)
add("knapp2017hard", d[!is.na(d$difficulty), ], V[!is.na(d$difficulty), !is.na(d$difficulty)])

d <- escalc("OR", ai = lh.le, bi = lh.re, ci = rh.le, di = rh.re, data = dat.bourassa1996, add = 1 / 2, to = "all")
d <- d[d$sex != "combined", ]
add("bourassa1996", data.frame(study = d$study, sample = d$sample, sex = as.character(d$sex), selection = as.character(d$selection),
                               yi = as.numeric(d$yi), vi = as.numeric(d$vi)), d$vi)

d <- escalc("ZCOR", ri = ri, ni = ni, data = dat.crede2010)
add("crede2010", data.frame(studyid = d$studyid, sampleid = d$sampleid, sample = paste(d$studyid, d$sampleid, sep = "."), criterion = as.character(d$criterion), yi = as.numeric(d$yi), vi = as.numeric(d$vi)), d$vi)

d <- dat.tannersmith2016
d <- data.frame(studyid = d$studyid, esid = seq_len(nrow(d)), aget1 = ave(d$aget1, d$studyid), aget2 = ave(d$aget2, d$studyid), yi = d$yi, vi = d$vi)
add("tannersmith2016", d, vcalc(vi, cluster = studyid, obs = esid, rho = 0.8, data = d))

d <- dat.kalaian1996
d <- data.frame(study = as.integer(factor(d$study, unique(d$study))), outcome = as.character(d$outcome), yi = as.numeric(d$yi), vi = as.numeric(d$vi))
add("kalaian1996", d, vcalc(vi, cluster = study, type = outcome, rho = 0.66, data = d))

d <- escalc("ZCOR", ri = ri, ni = ni, data = dat.craft2003); d <- d[!is.na(d$yi), ]
add("craft2003", data.frame(study = d$study, pair = paste(d$var1, d$var2, sep = "."), sport = as.character(d$sport), yi = as.numeric(d$yi), vi = as.numeric(d$vi)), d$vi)

d <- dat.begg1989
add("begg1989", data.frame(study = d$study, trt = d$trt, arms = d$arms, yi = as.numeric(d$yi), vi = as.numeric(d$vi)), d$vi)

d <- escalc("MN", mi = mi, sdi = sdi, ni = ni, data = dat.senn2013)
d <- data.frame(study = as.integer(factor(d$study)), treatment = as.character(d$treatment), yi = as.numeric(d$yi), vi = as.numeric(d$vi))
add("senn2013", d, d$vi)
d <- to.wide(dat.senn2013[c(1, 4:2, 5:6)], study = "study", grp = "treatment", ref = "placebo", grpvars = 4:6)
d <- escalc("MD", m1i = mi.1, sd1i = sdi.1, n1i = ni.1, m2i = mi.2, sd2i = sdi.2, n2i = ni.2, data = d)
V <- bldiag(lapply(split(d, d$study), function(x) {
  S <- matrix(x$sdi.2[1]^2 / x$ni.2[1], nrow(x), nrow(x)); diag(S) <- x$vi; S
}))
d <- contrmat(d, grp1 = "treatment.1", grp2 = "treatment.2")
drugs <- c("acarbose", "benfluorex", "metformin", "miglitol", "pioglitazone", "rosiglitazone", "sitagliptin", "sulfonylurea", "vildagliptin")
add("senn2013contrasts", data.frame(study = as.integer(factor(d$study)), comp = as.character(d$comp), design = as.character(d$design),
                                    d[drugs], yi = as.numeric(d$yi), vi = as.numeric(d$vi)), V)

d <- dat.raudenbush1985
add("raudenbush1985", data.frame(study = d$study, author = as.integer(factor(d$author)), weeks = d$weeks, yi = as.numeric(d$yi), vi = as.numeric(d$vi)), d$vi)

# ---- models -----------------------------------------------------------------------------------------------------------
# mods: a formula in which C(x) is factor(x). random: intercepts ("a" or "a/b") and "inner|outer" with its structure.

models <- list()
model <- function(fit, data, mods, random, struct = character(), method = "REML", cluster = NULL, rho = NULL, phi = NULL,
                  profile = FALSE, W = NULL)
  models[[fit]] <<- list(fit = fit, data = data, mods = mods, random = random, struct = struct, method = method, cluster = cluster,
                         rho = rho, phi = phi, profile = profile, W = W)

for (s in c("DIAG", "ID", "CS", "HCS", "AR", "HAR", "CAR", "UN"))
  model(paste0("ishak_", s), "ishak2007", "0 + C(time)", "time|study", s, cluster = "study", profile = s %in% c("CAR", "CS"))
for (s in c("CS", "AR", "HAR", "UN")) model(paste0("ishak_", s, "_ML"), "ishak2007", "0 + C(time)", "time|study", s, "ML", "study")
model("ishak_independent", "ishak2007ind", "0 + C(time)", "time|study", "DIAG", cluster = "study")
model("ishak_common", "ishak2007ind", "0 + C(time)", "study", cluster = "study")
model("ishak_two", "ishak2007", "0 + C(time)", c("study", "time|study"), "AR", cluster = "study")
for (s in c("CS", "HCS", "AR", "HAR")) model(paste0("fine_", s), "fine1993", "0 + C(time)", "time|study", s, cluster = "study")
model("fine_HAR_ML", "fine1993", "0 + C(time)", "time|study", "HAR", "ML", "study")
model("fine_fixed", "fine1993", "0 + C(time)", character(), method = "FE", cluster = "study")
model("konstantopoulos_nested", "konstantopoulos2011", "1", "district/school", cluster = "district", profile = TRUE)
model("konstantopoulos_nested_ML", "konstantopoulos2011", "1", "district/school", method = "ML", cluster = "district", profile = TRUE)
model("konstantopoulos_CS", "konstantopoulos2011", "1", "school|district", "CS", cluster = "district", profile = TRUE)
model("konstantopoulos_year", "konstantopoulos2011", "1 + year", "district/school", cluster = "district")
model("konstantopoulos_plain", "konstantopoulos2011", "1 + year", "study", cluster = "district", profile = TRUE)
model("konstantopoulos_weighted", "konstantopoulos2011", "1 + year", "district/school", cluster = "district", W = "1/vi")
for (s in c("UN", "DIAG", "CS", "HCS")) model(paste0("berkey_", s), "berkey1998", "0 + C(outcome)", "outcome|trial", s, cluster = "trial", profile = s == "UN")
model("berkey_UN_ML", "berkey1998", "0 + C(outcome) + C(outcome):year", "outcome|trial", "UN", "ML", "trial")
model("assink_nested", "assink2016", "1", "study/esid", cluster = "study", profile = TRUE)
model("assink_nested_ML", "assink2016", "1", "study/esid", method = "ML", cluster = "study")
model("assink_independent", "assink2016ind", "1", "study/esid", cluster = "study")
model("assink_year", "assink2016ind", "1 + year", "study/esid", cluster = "study")
model("assink_deltype", "assink2016", "1 + year + C(deltype)", "study/esid", cluster = "study")
model("assink_DIAG", "assink2016", "0 + C(deltype)", c("study", "deltype|study"), "DIAG", cluster = "study")
model("assink_CS", "assink2016", "1", c("study/esid", "deltype|study"), "CS", rho = 0, cluster = "study")
for (name in c("psilodep", "mdmaptsd")) {
  for (m in c("REML", "ML")) model(paste0(name, "_che_", m), name, "1", "study/esid", method = m, cluster = "study", profile = TRUE)
  model(paste0(name, "_che_logdays"), name, "1 + logdays", "study/esid", cluster = "study")
  model(paste0(name, "_che_weeks"), name, "1 + weeks", "study/esid", cluster = "study")
  model(paste0(name, "_CAR"), name, "1 + logdays", "weeks|study", "CAR", cluster = "study")
  model(paste0(name, "_CAR_log"), name, "1", "logdays|study", "CAR", cluster = "study")
  model(paste0(name, "_study"), name, "1 + logdays", "study", cluster = "study")
}
model("knapp_nested", "knapp2017", "1", "study/comp", cluster = "study")
model("knapp_crossed", "knapp2017", "1", c("study", "task"), profile = TRUE)
model("knapp_crossed_ML", "knapp2017", "1", c("study/comp", "task"), method = "ML")
model("knapp_difficulty", "knapp2017hard", "1 + difficulty", "study/comp", cluster = "study")
model("bourassa_nested", "bourassa1996", "1 + C(sex)", "study/sample", cluster = "study")
model("bourassa_crossed", "bourassa1996", "1 + C(selection)", c("study", "sex"), method = "ML")
model("bourassa_HCS", "bourassa1996", "0 + C(sex)", "sex|sample", "HCS", cluster = "study")
model("bourassa_UN", "bourassa1996", "0 + C(sex)", "sex|sample", "UN", method = "ML", cluster = "study")
model("crede_nested", "crede2010", "1 + C(criterion)", "studyid/sampleid", cluster = "studyid")
model("crede_two", "crede2010", "1 + C(criterion)", c("criterion|studyid", "criterion|sample"), c("CS", "ID"), cluster = "studyid")
model("tannersmith_nested", "tannersmith2016", "1 + aget1 + aget2", "studyid/esid", cluster = "studyid", profile = TRUE)
model("tannersmith_interaction", "tannersmith2016", "1 + aget1 + aget2 + aget1:aget2", "studyid/esid", cluster = "studyid")
model("tannersmith_CS", "tannersmith2016", "1", "esid|studyid", "CS", cluster = "studyid")
model("kalaian_UN", "kalaian1996", "0 + C(outcome)", "outcome|study", "UN", cluster = "study")
model("kalaian_DIAG_ML", "kalaian1996", "0 + C(outcome)", "outcome|study", "DIAG", "ML", "study")
for (m in c("REML", "ML")) model(paste0("craft_crossed_", m), "craft2003", "1", c("study", "pair"), method = m, profile = m == "REML")
model("craft_crossed_sport", "craft2003", "1 + C(sport)", c("study", "pair", "pair|study"), "ID")
model("begg_ML", "begg1989", "1 + C(trt)", "study", method = "ML", cluster = "study")
model("begg_arms_ML", "begg1989", "1 + C(trt) + C(trt):arms", "study", method = "ML", cluster = "study")
model("senn_arms", "senn2013", "0 + C(study) + C(treatment)", "treatment|study", "CS", rho = 0.5, cluster = "study")
model("senn_contrasts", "senn2013contrasts", paste(c("0", drugs), collapse = " + "), "comp|study", "CS", rho = 0.5, cluster = "study", profile = TRUE)
model("senn_inconsistency", "senn2013contrasts", paste(c("0", drugs), collapse = " + "), c("comp|study", "comp|design"), c("CS", "CS"), rho = 0.5, phi = 0.5)
model("raudenbush_plain", "raudenbush1985", "1 + weeks", "study", cluster = "author", profile = TRUE)

# ---- likelihood with its exact score, by full matrices ----------------------------------------------------------------

grouping <- function(d, random) {
  out <- list()
  for (term in random[!grepl("|", random, fixed = TRUE)]) {
    parts <- strsplit(term, "/", fixed = TRUE)[[1]]
    for (j in seq_along(parts)) out[[paste(parts[1:j], collapse = "/")]] <- as.integer(factor(do.call(paste, c(d[parts[1:j]], sep = "\r"))))
  }
  out
}

marginal <- function(m) {
  d <- sets[[m$data]]$d; V <- sets[[m$data]]$V; k <- nrow(d)
  groups <- grouping(d, m$random)
  pieces <- list(); names <- character(); lower <- upper <- start <- numeric()
  claim <- function(name, lo, hi, at) { names <<- c(names, name); lower <<- c(lower, lo); upper <<- c(upper, hi); start <<- c(start, at); length(names) }
  spread <- var(d$yi) / 4; factors <- NULL
  report <- function(theta) setNames(theta, names)
  for (j in seq_along(groups)) {
    same <- outer(groups[[j]], groups[[j]], "==") + 0
    local({ at <- claim(paste0("sigma2.", j), 0, Inf, spread); S <- same; pieces[[length(pieces) + 1]] <<- function(theta) theta[at] * S })
  }
  inner <- m$random[grepl("|", m$random, fixed = TRUE)]
  for (j in seq_along(inner)) local({
    struct <- m$struct[j]; side <- strsplit(inner[j], "|", fixed = TRUE)[[1]]
    value <- if (side[1] == "1") rep(1, k) else d[[side[1]]]
    levels <- sort(unique(value)); code <- match(value, levels); J <- length(levels)
    same <- outer(d[[side[2]]], d[[side[2]]], "==") + 0
    tau <- c("tau2", "gamma2")[j]; rho <- c("rho", "phi")[j]; held <- list(m$rho, m$phi)[[j]]
    many <- struct %in% c("HCS", "UN", "HAR", "DIAG")
    if (struct == "UN" && J > 2) {  # by its Cholesky factor, so that it stays non-negative definite
      cells <- which(lower.tri(diag(J), TRUE), arr.ind = TRUE)
      at <- apply(cells, 1, function(x) claim(paste0("L", x[1], x[2]), -Inf, Inf, if (x[1] == x[2]) sqrt(spread) else 0))
      covariance <- function(theta) { L <- 0 * diag(J) * theta[1]; L[cells] <- theta[at]; L %*% t(L) }
      pieces[[length(pieces) + 1]] <<- function(theta) covariance(theta)[code, code] * same
      report <<- function(theta) {
        G <- covariance(theta); R <- G / sqrt(outer(diag(G), diag(G)))
        setNames(c(diag(G), R[lower.tri(R)]), c(paste0("tau2.", 1:J), paste0("rho.", seq_len(J * (J - 1) / 2))))
      }
      factors <<- function(tau2, rho) {
        R <- diag(J); R[lower.tri(R)] <- rho; R[upper.tri(R)] <- t(R)[upper.tri(R)]
        t(chol(outer(sqrt(tau2), sqrt(tau2)) * R + diag(1e-8 * mean(tau2), J)))[cells]
      }
      return()
    }
    at <- sapply(if (many) seq_len(J) else 1, function(i) claim(paste0(tau, ".", i), 0, Inf, spread))
    pairs <- if (struct == "UN") J * (J - 1) / 2 else if (struct %in% c("ID", "DIAG")) 0 else if (is.null(held)) 1 else 0
    r <- if (pairs) sapply(seq_len(pairs), function(i) claim(paste0(rho, ".", i), switch(struct, CAR = 0, CS = , HCS = -1 / (J - 1), -1), 1, 0.3)) else integer()
    lag <- if (struct == "CAR") abs(outer(levels, levels, "-")) else abs(outer(seq_len(J), seq_len(J), "-"))
    pieces[[length(pieces) + 1]] <<- function(theta) {
      variance <- if (many) theta[at] else rep(theta[at], J)
      R <- diag(J) + 0 * theta[1]
      if (struct %in% c("CS", "HCS")) R[lag > 0] <- if (is.null(held)) theta[r] else held
      if (struct == "UN") { R[lower.tri(R)] <- theta[r]; R <- R + t(R); diag(R) <- 1 }
      if (struct %in% c("AR", "HAR", "CAR")) for (a in seq_len(J)) for (b in seq_len(J)) if (a != b) R[a, b] <- if (struct == "CAR") theta[r]^lag[a, b] else prod(rep(theta[r], lag[a, b]))
      G <- sqrt(variance) * t(sqrt(variance) * t(R))
      G[code, code] * same
    }
  })
  list(names = names, lower = lower, upper = upper, start = start, report = report, factors = factors, M = function(theta) {
    M <- V + 0 * (if (length(theta)) theta[1] else 0)
    for (piece in pieces) M <- M + piece(theta)
    M
  })
}

likelihood <- function(m, space, X, y) {
  k <- length(y); p <- ncol(X); restricted <- m$method == "REML"
  log_xx <- c(determinant(crossprod(X))$modulus)
  value <- function(theta) {
    if (anyNA(theta) || any(theta < space$lower | theta > space$upper)) return(-Inf)
    root <- tryCatch(chol(space$M(theta)), error = function(e) NULL)
    if (is.null(root)) return(-Inf)
    Z <- backsolve(root, cbind(X, y), transpose = TRUE)
    xmx <- crossprod(Z[, 1:p, drop = FALSE]); xmy <- crossprod(Z[, 1:p, drop = FALSE], Z[, p + 1])
    rss <- sum(Z[, p + 1]^2) - sum(xmy * solve(xmx, xmy))
    ll <- -k / 2 * log(2 * pi) - sum(log(diag(root))) - rss / 2
    if (restricted) ll + p / 2 * log(2 * pi) + log_xx / 2 - c(determinant(xmx)$modulus) / 2 else ll
  }
  score <- function(theta, free, information = FALSE) {
    root <- tryCatch(chol(space$M(theta)), error = function(e) NULL)
    if (is.null(root)) return(rep(0, sum(free)))
    W <- chol2inv(root); WX <- W %*% X
    P <- W - WX %*% solve(crossprod(X, WX), t(WX)); Py <- P %*% y; trace <- if (restricted) P else W
    dM <- lapply(which(free), function(j) {
      z <- as.complex(theta); z[j] <- z[j] + 1e-20i
      Im(space$M(z)) / 1e-20
    })
    s <- sapply(dM, function(D) (sum(Py * (D %*% Py)) - sum(trace * D)) / 2)
    if (!information) return(s)
    TD <- lapply(dM, function(D) trace %*% D)
    list(score = s, information = outer(seq_along(dM), seq_along(dM), Vectorize(function(a, b) sum(TD[[a]] * t(TD[[b]])) / 2)))
  }
  list(value = value, score = score)
}

climb <- function(space, l, start, held = rep(FALSE, length(start))) {
  bound <- 1e-9 * max(space$start, 1e-12)
  lower <- ifelse(space$lower == 0, bound, space$lower + 1e-6); upper <- ifelse(space$upper == 1, 0.999999, Inf)
  lower <- ifelse(space$upper == 1 & space$lower == 0, 1e-8, lower)
  scale <- ifelse(space$upper == 1, 1, max(space$start, 1e-12))
  if (all(held)) return(list(theta = start, value = l$value(start)))
  inside <- function(x) { theta <- start; theta[!held] <- x * scale[!held]; theta }
  go <- nlminb(pmin(pmax(start, lower), upper)[!held] / scale[!held], function(x) -l$value(inside(x)),
               gradient = function(x) -l$score(inside(x), !held) * scale[!held],
               lower = lower[!held] / scale[!held], upper = upper[!held] / scale[!held],
               control = list(rel.tol = 1e-15, x.tol = 1e-15, iter.max = 2000, eval.max = 4000))
  theta <- inside(go$par)
  rho <- space$upper == 1; slack <- ifelse(rho, 1e-5, lower * 1e-6)
  low <- !held & is.finite(space$lower) & theta <= lower + slack; high <- !held & rho & theta >= 1 - 1e-5
  theta[low] <- space$lower[low]; theta[high] <- 1
  none <- !held & space$lower == -Inf & abs(theta) < 1e-4 * sqrt(max(abs(theta)))
  theta[none] <- 0
  free <- !held & !low & !high & !none
  best <- theta
  if (any(free)) for (i in 1:40) {
    s <- l$score(theta, free, TRUE); if (!is.list(s)) break
    observed <- if (i > 5) -jacobian(function(x) l$score(replace(theta, free, x), free), theta[free]) else s$information
    if (anyNA(observed) || any(eigen(observed + t(observed), TRUE, TRUE)$values <= 0)) observed <- s$information
    step <- tryCatch(solve(observed, s$score, tol = 1e-14), error = function(e) NULL); if (is.null(step)) break
    half <- 1
    while (half > 1e-4 && !(l$value(replace(theta, free, theta[free] + half * step)) >= l$value(theta) - 1e-10)) half <- half / 2
    if (half <= 1e-4) break
    theta[free] <- theta[free] + half * step
    if (max(abs(step) / (abs(theta[free]) + 1e-3 * scale[free])) < 1e-13) break
  }
  if (isTRUE(l$value(theta) >= l$value(best) - 1e-9)) best <- theta
  list(theta = best, value = l$value(best), score = if (any(free)) max(abs(l$score(best, free) * scale[free])) else 0, free = free)
}

# ---- fits -------------------------------------------------------------------------------------------------------------

rows <- list(fits = list(), values = list(), profile = list(), robust = list(), wald = list())
keep <- function(table, ...) rows[[table]][[length(rows[[table]]) + 1]] <<- data.frame(..., stringsAsFactors = FALSE)
put <- function(fit, quantity, name, value) if (length(value)) keep("values", fit = fit, quantity = quantity, name = as.character(name), value = as.numeric(value))

call_metafor <- function(m, d, V, X, test = "z", dfs = "residual", fixed = NULL, control = list()) {
  random <- lapply(m$random, function(term) as.formula(if (grepl("|", term, fixed = TRUE)) paste("~", sub("|", " | ", term, fixed = TRUE)) else paste("~ 1 |", term)))
  args <- list(yi = d$yi, V = V, mods = X, intercept = FALSE, data = d, method = m$method, test = test, dfs = dfs, control = control)
  if (length(random)) args$random <- random
  if (length(m$struct)) args$struct <- m$struct
  if (!is.null(m$rho)) args$rho <- m$rho
  if (!is.null(m$phi)) args$phi <- m$phi
  if (!is.null(m$W)) args$W <- 1 / d$vi
  suppressWarnings(do.call(rma.mv, c(args, fixed)))
}

components <- function(res, m, names) {
  pick <- function(prefix, from) { n <- sum(startsWith(names, paste0(prefix, "."))); if (n) from[seq_len(n)] else numeric() }
  c(pick("sigma2", res$sigma2), pick("tau2", res$tau2), pick("rho", res$rho), pick("gamma2", res$gamma2), pick("phi", res$phi))
}

run <- function(m) {
  d <- sets[[m$data]]$d; V <- sets[[m$data]]$V; k <- nrow(d); id <- m$fit
  formula <- as.formula(paste("~", gsub("\\bC\\(", "factor(", m$mods)))
  X <- model.matrix(formula, d); if (m$data == "senn2013") X <- X[, qr(X)$pivot[seq_len(qr(X)$rank)]]
  colnames(X)[colnames(X) == "(Intercept)"] <- "intrcpt"; p <- ncol(X)
  space <- marginal(m); l <- likelihood(m, space, X, d$yi)
  order <- if (length(space$names)) order(match(sub("\\..*", "", space$names), c("sigma2", "tau2", "rho", "gamma2", "phi"))) else integer()
  stopifnot(identical(order, seq_along(space$names)))

  tight <- list(nlminb = list(optimizer = "nlminb", rel.tol = 1e-12, iter.max = 300, eval.max = 600),
                BFGS = list(optimizer = "BFGS", reltol = 1e-12, maxit = 300))
  if (identical(m$struct, "UN") && k > 50) tight <- tight["BFGS"]
  found <- if (!length(space$names)) list(none = call_metafor(m, d, V, X)) else
    Filter(Negate(is.null), lapply(tight, function(control) tryCatch(call_metafor(m, d, V, X, control = control), error = function(e) NULL)))
  if (!length(found)) found <- list("Nelder-Mead" = call_metafor(m, d, V, X, control = list(optimizer = "Nelder-Mead", maxit = 20000, reltol = 1e-14)))
  if (length(space$names)) {
    of_metafor <- function(f) if (is.null(space$factors)) components(f, m, space$names) else space$factors(f$tau2, f$rho)
    starts <- c(lapply(found, of_metafor), list(space$start, ifelse(space$upper == 1, 0.8, space$start / 10)))
    tops <- lapply(starts, function(s) tryCatch(climb(space, l, s), error = function(e) list(theta = s, value = -Inf, score = NA)))
    top <- tops[[which.max(sapply(tops, `[[`, "value"))]]
    theta <- top$theta; shown <- space$report(theta)
    fixed <- list(); for (prefix in c("sigma2", "tau2", "rho", "gamma2", "phi")) {
      of <- startsWith(names(shown), paste0(prefix, "."))
      if (any(of)) fixed[[prefix]] <- unname(shown[of])
    }
    if (is.null(fixed$rho)) fixed$rho <- m$rho
    if (is.null(fixed$phi)) fixed$phi <- m$phi
    m$rho <- m$phi <- NULL
  } else { fixed <- NULL; theta <- shown <- numeric(); top <- list(value = l$value(numeric()), score = 0) }
  final <- function(...) call_metafor(m, d, V, X, fixed = fixed, ...)
  res <- final()
  Mgap <- max(abs(res$M - space$M(theta))) / max(abs(res$M))
  metafor_best <- max(sapply(found, function(f) c(logLik(f))))
  keep("fits", fit = id, data = m$data, mods = m$mods, random = paste(m$random, collapse = " ; "), struct = paste(m$struct, collapse = " ; "),
       rho = if (is.null(models[[id]]$rho)) NA else models[[id]]$rho, phi = if (is.null(models[[id]]$phi)) NA else models[[id]]$phi,
       method = m$method, weights = if (is.null(m$W)) "" else m$W, cluster = if (is.null(m$cluster)) "" else m$cluster, k = k, p = p,
       optimiser = names(found)[which.max(sapply(found, function(f) c(logLik(f))))], loglik_above_metafor = c(logLik(res)) - metafor_best,
       score = top$score, M_gap = Mgap, boundary = paste(space$names[theta == space$lower | theta == space$upper | (theta == 0 & space$lower == -Inf)], collapse = " "))
  message(sprintf("%-28s k=%3d p=%2d gain %.2e score %.1e M %.1e  %s", id, k, p, c(logLik(res)) - metafor_best, top$score, Mgap,
                  paste(names(shown), signif(shown, 5), collapse = " ")))

  term <- colnames(X)
  put(id, "estimate", term, res$beta); put(id, "se", term, res$se)
  lower <- which(lower.tri(res$vb, TRUE), arr.ind = TRUE)
  if (p <= 12) put(id, "vcov", paste(lower[, 1], lower[, 2]), res$vb[lower])
  put(id, "component", names(shown), shown)
  ml <- c(logLik(res))
  column <- if (m$method == "REML") "REML" else "ML"
  put(id, "logLik", column, ml)
  put(id, "parms", "", found[[1]]$parms)
  for (s in c("AIC", "BIC", "AICc")) put(id, s, column, found[[1]]$fit.stats[s, column] + 2 * (found[[1]]$fit.stats["ll", column] - ml))
  put(id, "QE", c("QE", "df", "p"), c(res$QE, res$k - res$p, res$QEp))
  put(id, "QM", c("QM", "df", "p"), c(res$QM, res$m, res$QMp))
  put(id, "ci_low", term, res$ci.lb); put(id, "ci_high", term, res$ci.ub); put(id, "p", term, res$pval)
  t_fit <- final(test = "t")
  put(id, "t_ci_low", term, t_fit$ci.lb); put(id, "t_ci_high", term, t_fit$ci.ub); put(id, "t_p", term, t_fit$pval)
  put(id, "t_QM", c("F", "df1", "df2", "p"), c(t_fit$QM, t_fit$QMdf, t_fit$QMp))
  contain <- tryCatch(final(test = "t", dfs = "contain"), error = function(e) NULL)
  if (!is.null(contain) && length(m$random)) { put(id, "contain_df", term, contain$ddf); put(id, "contain_p", term, contain$pval) }
  some <- unique(pmin(c(1, 2, 3, ceiling(k / 2), k), k))
  fit_values <- fitted(res); put(id, "fitted", some, fit_values[some]); put(id, "residual", some, residuals(res)[some])
  standard <- tryCatch(rstandard(res), error = function(e) NULL)
  if (!is.null(standard)) { put(id, "residual_se", some, standard$se[some]); put(id, "residual_z", some, standard$z[some]) }
  put(id, "hat", some, hatvalues(res)[some])
  many <- any(m$struct %in% c("HCS", "UN", "HAR", "DIAG"))
  for (test in c("z", "t")) {
    f <- if (test == "z") res else t_fit
    args <- list(f, newmods = X[some, , drop = FALSE])
    if (many) { inner <- strsplit(m$random[grepl("|", m$random, fixed = TRUE)][1], "|", fixed = TRUE)[[1]][1]; args$tau2.levels <- d[[inner]][some] }
    if (length(m$struct) == 2) next
    pr <- tryCatch(suppressWarnings(do.call(predict, args)), error = function(e) NULL)
    if (is.null(pr)) pr <- tryCatch(suppressWarnings(predict(f)[some]), error = function(e) NULL)
    if (is.null(pr)) next
    for (q in c("pred", "se", "ci.lb", "ci.ub", "pi.lb", "pi.ub")) if (!is.null(pr[[q]]) && length(pr[[q]]) == length(some) && !anyNA(pr[[q]])) put(id, paste0("predict_", test, "_", q), some, pr[[q]])
  }

  if (m$profile) for (j in seq_along(space$names)) {
    held <- seq_along(theta) == j; target <- top$value - qchisq(0.95, 1) / 2; cache <- theta
    drop <- function(x) { s <- theta; s[j] <- x; max(climb(space, l, s, held)$value - target, -1e6) }
    scale <- if (space$upper[j] == 1) 1 else max(theta[j], max(space$start) / 10)
    floor <- space$lower[j] + (if (space$lower[j] < 0) 1e-9 else 0)
    if (theta[j] > floor) {
      low <- if (drop(floor) > 0) floor else uniroot(drop, c(floor, theta[j]), tol = 1e-11 * scale)$root
    } else low <- floor
    if (space$upper[j] == 1) {
      high <- if (theta[j] >= 1 || drop(1 - 1e-9) > 0) 1 else uniroot(drop, c(theta[j], 1 - 1e-9), tol = 1e-11)$root
    } else {
      top_x <- theta[j] + scale; while (drop(top_x) > 0) top_x <- theta[j] + 2 * (top_x - theta[j])
      high <- uniroot(drop, c(theta[j], top_x), tol = 1e-11 * scale)$root
    }
    prefix <- sub("\\..*", "", space$names[j]); number <- as.integer(sub(".*\\.", "", space$names[j]))
    ask <- setNames(list(found[[1]], number), c("object", prefix))
    by_metafor <- tryCatch(suppressWarnings(do.call(confint, ask)$random[1, 2:3]), error = function(e) c(NA, NA))
    keep("profile", fit = id, component = space$names[j], estimate = theta[j], low = low, high = high,
         confint_low = by_metafor[[1]], confint_high = by_metafor[[2]])
  }

  if (!is.null(m$cluster)) {
    cluster <- d[[m$cluster]]
    for (type in c("CR0", "CR1", "CR2")) {
      Vr <- vcovCR(res, cluster = cluster, type = type)
      tests <- coef_test(res, vcov = Vr, test = if (type == "CR2") "Satterthwaite" else if (type == "CR0") "z" else "naive-t")
      freedom <- if (type == "CR2") tests$df_Satt else if (type == "CR0") rep(Inf, p) else rep(length(unique(cluster)) - 1, p)
      pv <- tests[[grep("^p_", names(tests))[1]]]
      keep("robust", fit = id, cluster = m$cluster, type = type, term = term, estimate = tests$beta, se = tests$SE, df = freedom, p = pv)
      if (p <= 12) { Vr <- as.matrix(Vr); put(id, paste0("vcov_", type), paste(lower[, 1], lower[, 2]), Vr[lower]) }
    }
    if (p > 1 && p <= 12) {
      # on orthonormal columns, where clubSandwich loses no digits to collinear ones
      turn <- qr(X); resq <- call_metafor(m, d, V, qr.Q(turn), fixed = fixed); back <- solve(qr.R(turn))
      Vr <- vcovCR(resq, cluster = cluster, type = "CR2")
      last <- diff(diag(p))
      sets_of <- list(zero_all = diag(p), differences = last)
      if (p > 2) sets_of$last_two <- diag(p)[(p - 1):p, , drop = FALSE]
      for (what in names(sets_of)) {
        w <- tryCatch(as.data.frame(Wald_test(resq, constraints = sets_of[[what]] %*% back, vcov = Vr, test = c("HTZ", "chi-sq", "EDF"))), error = function(e) NULL)
        if (!is.null(w)) for (i in seq_len(nrow(w))) keep("wald", fit = id, cluster = m$cluster, constraint = what, test = w$test[i],
          q = nrow(sets_of[[what]]), stat = w$Fstat[i], df = w$df_denom[i], p = w$p_val[i])
      }
    }
  }
}
for (m in models) {
  took <- system.time(tryCatch(run(m), error = function(e) message("FAILED ", m$fit, ": ", conditionMessage(e))))[["elapsed"]]
  if (took > 10) message("  ", round(took), " s")
}

# Tests that need no multilevel model: one random effect by rma(), clusters coarser than the blocks, and equal weights.
for (id in c("konstantopoulos_plain", "raudenbush_plain")) {
  m <- models[[id]]; d <- sets[[m$data]]$d
  uni <- rma(yi, vi, mods = as.formula(paste("~", m$mods)), data = d, weighted = FALSE, control = list(threshold = 1e-14, maxiter = 1000))
  for (type in c("CR0", "CR2")) {
    tests <- coef_test(uni, vcov = vcovCR(uni, cluster = d[[m$cluster]], type = type), test = if (type == "CR2") "Satterthwaite" else "z")
    keep("robust", fit = sub("plain", "unweighted", id), cluster = m$cluster, type = type, term = rownames(uni$beta), estimate = tests$beta, se = tests$SE,
         df = if (type == "CR2") tests$df_Satt else Inf, p = tests[[grep("^p_", names(tests))[1]]])
  }
  put(sub("plain", "unweighted", id), "component", "tau2", uni$tau2)
}

digits <- function(x) { for (j in seq_along(x)) if (is.double(x[[j]])) x[[j]] <- ifelse(is.na(x[[j]]), "", sprintf("%.17g", x[[j]])); x }
write <- function(name, x) write.csv(digits(x), paste0("multilevel_", name, ".csv"), row.names = FALSE, quote = TRUE, na = "")
for (name in names(rows)) write(name, do.call(rbind, rows[[name]]))
same <- c(ishak2007ind = 1, assink2016ind = 1)
for (name in setdiff(names(sets), names(same))) write(name, sets[[name]]$d)
write("v", do.call(rbind, lapply(names(sets), function(name) {
  V <- sets[[name]]$V; other <- diag(abs(diag(V) - sets[[name]]$d$vi) > 1e-9)  # a diagonal that is not vi
  at <- which(V != 0 & lower.tri(V) | other != 0, arr.ind = TRUE)
  if (nrow(at)) data.frame(data = name, row = at[, 1], col = at[, 2], value = V[at]) else NULL
})))
versions <- sapply(c("metafor", "metadat", "clubSandwich"), function(p) as.character(packageVersion(p)))
write("versions", data.frame(name = c("R", names(versions)), version = c(paste(R.version$major, R.version$minor, sep = "."), versions)))
