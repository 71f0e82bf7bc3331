# Runs every script that to_r() wrote (to_r_*.R, made by `python tests/reporting/test_to_r.py`) and keeps what metafor found.
#
#   Rscript to_r.R          (in this directory; needs metafor, lme4 and BiasedUrn)
#
# Writes to_r.csv and to_r_versions.csv. Numbers are printed with 17 significant digits.

rows <- lapply(sort(Sys.glob("to_r_*.R")), function(file) {
  env <- new.env()
  utils::capture.output(suppressWarnings(source(file, local = env, encoding = "UTF-8")))
  data.frame(case = sub("^to_r_(.*)\\.R$", "\\1", file), quantity = names(env$found), value = sprintf("%.17g", env$found))
})
write.csv(do.call(rbind, rows), "to_r.csv", row.names = FALSE, fileEncoding = "UTF-8")
packages <- c("metafor", "lme4", "BiasedUrn")
versions <- c(R = paste(R.version$major, R.version$minor, sep = "."), sapply(packages, function(p) as.character(packageVersion(p))))
write.csv(data.frame(package = names(versions), version = versions), "to_r_versions.csv", row.names = FALSE)
