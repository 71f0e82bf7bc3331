# Reference values for the estimators of tau2 that pooling.R leaves out.
#
#   Rscript estimators.R          (in this directory, after pooling.R; needs metafor 5)
#
# Reads pooling_inputs.csv; writes estimators.csv and estimators_versions.csv with 17 significant digits.
# HSk and GENQ are rma()'s own. The two-step estimators of DerSimonian & Kacker (2007) are GENQ with the weights
# 1 / (vi + tau2) of a first step. The meta-regressions take as moderator the position of the study, less 1.

suppressMessages(library(metafor))

inputs <- read.csv("pooling_inputs.csv")
fit <- function(d, method, x, weights = NULL) {
  args <- list(yi = d$yi, vi = d$vi, method = method)
  if (!is.null(weights)) args$weights <- weights
  if (x) args$mods <- seq_along(d$yi) - 1
  if (method == "PM") {
    top <- 100 * (max(d$vi) + var(d$yi))
    args$control <- list(tau2.max = top, tol = 1e-15 * top, maxiter = 10000)
  } else if (method %in% c("ML", "REML", "EB")) {
    args$control <- list(threshold = 1e-13 * mean(d$vi), maxiter = 100000)
  }
  suppressWarnings(do.call(rma, args))
}
out <- list()
for (name in unique(inputs$dataset)) {
  d <- inputs[inputs$dataset == name, ]
  for (x in c(FALSE, TRUE)) {
    if (nrow(d) < 3 && x) next
    tau2 <- c(
      HSk = fit(d, "HSk", x)$tau2,
      DL2 = fit(d, "GENQ", x, 1 / (d$vi + fit(d, "DL", x)$tau2))$tau2,
      HE2 = fit(d, "GENQ", x, 1 / (d$vi + fit(d, "HE", x)$tau2))$tau2,
      GENQ = fit(d, "GENQ", x, 1 / sqrt(d$vi))$tau2,
      GENQ_position = fit(d, "GENQ", x, seq_along(d$yi))$tau2
    )
    if (x) for (method in c("DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM")) tau2[method] <- fit(d, method, TRUE)$tau2
    out[[length(out) + 1]] <- data.frame(dataset = name, moderator = as.integer(x), method = names(tau2),
                                         tau2 = sprintf("%.17g", tau2))
  }
}
write.csv(do.call(rbind, out), "estimators.csv", row.names = FALSE, quote = FALSE)
write.csv(data.frame(name = c("R", "metafor"), version = c(as.character(getRversion()), as.character(packageVersion("metafor")))),
          "estimators_versions.csv", row.names = FALSE, quote = FALSE)
