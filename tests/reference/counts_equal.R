# Tests of equal odds ratios where the levels of studies are random (UM.RS), for ketameta.counts.
# Run from this folder: Rscript counts_equal.R   (lme4; reads counts_inputs.csv, writes counts_equal.csv)
#
# Level (mean of the two log odds) normal, log odds ratio one for all or one for each study: one random effect, so that
# glmer takes 25-node adaptive Gauss-Hermite quadrature. The Wald statistic is against a variance of the levels that is
# held at its estimate; ketameta's holds it only where it is 0.
suppressMessages(library(lme4))
inputs <- read.csv("counts_inputs.csv")
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e5, rhoend = 1e-9), calc.derivs = FALSE,
                        check.conv.singular = "ignore")
f <- function(x) formatC(as.numeric(x), format = "g", digits = 17)
out <- NULL
for (s in unique(inputs$set)) {
  d <- inputs[inputs$set == s, ]
  k <- nrow(d)
  apart <- (d$a == 0 & d$c == d$n2) | (d$a == d$n1 & d$c == 0)
  if (k > 15 || any(apart)) next
  long <- data.frame(x = c(d$a, d$c), m = c(d$n1 - d$a, d$n2 - d$c), g = rep(c(.5, -.5), each = k), study = factor(rep(1:k, 2)))
  common <- suppressWarnings(glmer(cbind(x, m) ~ g + (1 | study), long, binomial, nAGQ = 25, control = control))
  each <- suppressWarnings(glmer(cbind(x, m) ~ study:g + (1 | study), long, binomial, nAGQ = 25, control = control))
  b <- fixef(each)[-1]
  J <- solve(as.matrix(vcov(each, use.hessian = FALSE))[-1, -1])
  w <- rowSums(J)
  e <- b - sum(w * b) / sum(w)
  out <- rbind(out, data.frame(set = s, lrt = f(2 * (logLik(each) - logLik(common))), wald = f(t(e) %*% J %*% e), df = k - 1,
                               sigma2 = f(VarCorr(each)$study[1])))
}
write.csv(out, "counts_equal.csv", row.names = FALSE, quote = FALSE)
