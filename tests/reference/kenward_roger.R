# Reference values for ketameta.pool(ci = "KR").
#
#   Rscript kenward_roger.R    (in this directory, after pooling.R; needs pbkrtest)
#
# Writes kenward_roger.csv: for each sample of pooling_inputs.csv the variance and the degrees of freedom of Partlett
# and Riley (2017), by matrices, at metafor's REML estimate of tau2, and (df_1997) the degrees of freedom of Kenward and
# Roger (1997) by the function of pbkrtest that computes them from these matrices. Numbers are printed with 17 significant digits.

inputs <- read.csv("pooling_inputs.csv")
known <- read.csv("pooling_tau2.csv")

kenward_roger <- function(d, tau2) {
  V <- diag(d$vi + tau2)
  W <- solve(V)
  X <- matrix(1, nrow(d), 1)
  phi <- solve(t(X) %*% W %*% X)
  P <- W - W %*% X %*% phi %*% t(X) %*% W
  information <- 0.5 * sum(diag(P %*% P))
  dP <- -t(X) %*% W %*% W %*% X
  dQ <- t(X) %*% W %*% W %*% W %*% X
  variance <- phi + 2 * phi %*% ((dQ - dP %*% phi %*% dP) / information) %*% phi
  adjusted <- structure(variance, P = list(dP), W = matrix(1 / information))
  general <- pbkrtest:::.KR_adjust(adjusted, phi, matrix(1), 0, 0)
  stopifnot(abs(general$F.scaling - 1) < 1e-6)
  c(variance, 2 * information / (variance * sum(diag(W %*% W)))^2, general$ddf)
}

rows <- lapply(unique(inputs$dataset), function(name) {
  tau2 <- known$tau2[known$dataset == name & known$method == "REML"]
  found <- kenward_roger(inputs[inputs$dataset == name, ], tau2)
  data.frame(dataset = name, variance = sprintf("%.17g", found[1]), df = sprintf("%.17g", found[2]),
             df_1997 = sprintf("%.17g", found[3]))
})
write.csv(do.call(rbind, rows), "kenward_roger.csv", row.names = FALSE, quote = FALSE)
