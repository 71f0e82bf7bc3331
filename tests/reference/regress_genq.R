# Reference values for the generalised-Q interval of tau2 in ketameta.regress.
#
#   Rscript regress_genq.R    (in this directory, after regress.R; needs metafor 5.1 and CompQuadForm)
#
# Writes regress_genq.csv and regress_genq_versions.csv. Numbers are printed with 17 significant digits.
# The bounds are the tau2 at which the area beyond the observed Q is 0.025 and 0.975. confint() finds them by uniroot() at
# the default tolerance, whatever its control says; here the same distribution function (a positive combination of chi-squares, by Farebrother's
# series) stands at a tighter series bound and with a tighter search. Beside them: the area at these bounds by Davies'
# integral, a second algorithm, and what confint() gives.

suppressMessages(library(metafor))

inputs <- read.csv("regress_inputs.csv", stringsAsFactors = FALSE)
number <- function(x) sprintf("%.17g", as.numeric(x))

tail_area <- function(d, X, w) {
  root <- qr.Q(qr(sqrt(w) * X))
  P <- sqrt(w) * (diag(nrow(d)) - tcrossprod(root)) %*% diag(sqrt(w))
  Q <- sum(w * lm.wfit(X, d$yi, w)$residuals^2)
  function(tau2, davies = FALSE) {
    S <- sqrt(d$vi + tau2)
    lambda <- eigen(P * tcrossprod(S), symmetric = TRUE, only.values = TRUE)$values[seq_len(nrow(d) - ncol(X))]
    if (!davies) return(CompQuadForm::farebrother(Q, lambda, maxit = 1e6, eps = 1e-14)$Qq)
    got <- CompQuadForm::davies(Q, lambda, lim = 1e7, acc = 1e-12)
    if (got$ifault != 0) NA_real_ else got$Qq
  }
}

rows <- list()
for (name in unique(inputs$set)) for (weights in c("1/v", "1/sqrt(v)", "1")) {
  d <- inputs[inputs$set == name, ]
  formula <- as.formula(paste("~", gsub("**", "^", d$formula[1], fixed = TRUE)))
  for (column in c("c1", "c2")) if (!all(is.na(d[[column]]) | d[[column]] == ""))
    d[[column]] <- factor(d[[column]], levels = sort(unique(d[[column]]), method = "radix"))
  X <- model.matrix(formula, d)
  w <- switch(weights, "1/v" = 1 / d$vi, "1/sqrt(v)" = 1 / sqrt(d$vi), "1" = rep(1, nrow(d)))
  area <- tail_area(d, X, w)
  root <- function(level) {
    if (area(0) >= level) return(0)
    end <- max(d$vi)
    while (area(end) < level) end <- 4 * end
    uniroot(function(tau2) area(tau2) - level, c(0, end), tol = 1e-17 * end, maxiter = 10000)$root
  }
  bounds <- c(root(0.025), root(0.975))
  fit <- rma(d$yi, d$vi, mods = X, intercept = FALSE, method = "GENQ", weights = w)
  ci <- confint(fit, control = list(tau2.max = 1e4 * (max(d$vi) + var(d$yi))))
  rows[[length(rows) + 1]] <- data.frame(
    set = name, weights = weights, p = ncol(X), low = number(bounds[1]), high = number(bounds[2]),
    davies_low = number(area(bounds[1], davies = TRUE)), davies_high = number(area(bounds[2], davies = TRUE)),
    confint_low = number(ci$random[1, 2]), confint_high = number(ci$random[1, 3]))
}
write.csv(do.call(rbind, rows), "regress_genq.csv", row.names = FALSE, quote = FALSE)
write.csv(data.frame(what = c("R", "metafor", "CompQuadForm"), version = c(as.character(getRversion()),
  as.character(packageVersion("metafor")), as.character(packageVersion("CompQuadForm")))),
  "regress_genq_versions.csv", row.names = FALSE, quote = FALSE)
