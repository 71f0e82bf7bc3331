# Line of the pooled effect in L'Abbe plots by metafor, and the points of the studies.
# labbe() returns the points only; the line is read off what it draws. Data: the BCG trials of metadat.
# Writes labbe.csv and labbe_points.csv. Run in this folder with metafor 5.1.12: Rscript labbe.R.
suppressMessages(library(metafor))
pdf(NULL)
dev.control(displaylist = "enable")
shown <- list(OR = plogis, RR = exp, RD = identity, AS = transf.iarcsin)
drawn <- function(record) {
  for (call in record[[1]]) {
    parts <- call[[2]]
    if (identical(tryCatch(parts[[1]]$name, error = function(e) ""), "C_plotXY") && parts[[3]] == "l") return(parts[[2]])
  }
}
lines <- NULL
for (measure in names(shown)) {
  fit <- rma(
    measure = measure, ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg,
    control = list(threshold = 1e-13, maxiter = 10000)
  )
  found <- labbe(fit, transf = shown[[measure]])
  line <- drawn(recordPlot())
  kept <- round(seq(1, length(line$x), length.out = 41))
  lines <- rbind(lines, data.frame(
    measure = measure, effect = sprintf("%.17g", coef(fit)),
    comparator = sprintf("%.17g", line$x[kept]), treated = sprintf("%.17g", line$y[kept])
  ))
}
points <- data.frame(
  events_t = dat.bcg$tpos, total_t = dat.bcg$tpos + dat.bcg$tneg,
  events_c = dat.bcg$cpos, total_c = dat.bcg$cpos + dat.bcg$cneg,
  comparator = sprintf("%.17g", found$x), treated = sprintf("%.17g", found$y)
)
write.csv(lines, "labbe.csv", row.names = FALSE, quote = FALSE)
write.csv(points, "labbe_points.csv", row.names = FALSE, quote = FALSE)
