# Reference values for ketameta.pool(prediction = "bootstrap").
#
#   Rscript prediction_bootstrap.R    (in this directory; needs pimeta; some minutes)
#
# Writes prediction_bootstrap_inputs.csv and prediction_bootstrap.csv: intervals of pimeta::pima_boot() from 100,000 draws,
# its confidence interval of the mean from the same draws, and the share of its draws of tau2 that are 0.
# Data: those of pimeta (help pages sbp, setshift, pain, hyp), and made-up ones: trials that are alike, three trials.

suppressMessages(library(pimeta))
data(list = c("sbp", "setshift", "pain", "hyp"))
sets <- list(
  sbp = data.frame(yi = sbp$y, sei = sbp$sigmak), setshift = data.frame(yi = setshift$y, sei = setshift$sigmak),
  pain = data.frame(yi = pain$y, sei = pain$sigmak), hyp = data.frame(yi = hyp$y, sei = hyp$se),
  alike = data.frame(yi = c(0.3, 0.31, 0.29, 0.3, 0.305), sei = rep(0.2, 5)),
  three = data.frame(yi = c(-1.2, 0.4, -0.1), sei = c(0.2, 0.3, 0.25)))
number <- function(x) sprintf("%.17g", x)
inputs <- lapply(names(sets), function(name)
  data.frame(set = name, yi = number(sets[[name]]$yi), sei = number(sets[[name]]$sei)))
found <- lapply(names(sets), function(name) {
  d <- sets[[name]]
  o <- pima_boot(d$yi, d$sei, B = 100000, seed = 1)
  data.frame(set = name, pi_low = number(o$lpi), pi_high = number(o$upi), ci_low = number(o$lci), ci_high = number(o$uci),
             zero = number(mean(o$rnd == 0)), pimeta = as.character(packageVersion("pimeta")))
})
write.csv(do.call(rbind, inputs), "prediction_bootstrap_inputs.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, found), "prediction_bootstrap.csv", row.names = FALSE, quote = FALSE)
