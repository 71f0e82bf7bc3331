# Second road for effects/absolute.py: base R (stats), no package.
# Rscript tests/reference/absolute.R  writes absolute.csv beside this file.
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
rows <- list()
add <- function(what, x, y, value) {
  rows[[length(rows) + 1]] <<- data.frame(what = what, x = x, y = y, value = sprintf("%.17g", value))
}
for (d in c(-1.2, -0.5, -0.2, 0, 0.35)) for (p in c(0.05, 0.2, 0.5, 0.9)) {
  # the share of comparator scores under the line, and of scores that lie d lower, by integration
  line <- qnorm(p)
  add("response", d, p, integrate(function(x) dnorm(x, mean = d), -Inf, line, rel.tol = 1e-11)$value)
  # logistic scores of SD 1 have the scale sqrt(3) / pi
  s <- sqrt(3) / pi
  cut <- qlogis(p, scale = s)
  add("chinn", d, p, plogis(cut, location = d, scale = s))
}
for (p in list(c(0.2, 0.15), c(0.08, 0.06), c(0.3, 0.5), c(0.9, 0.7)))
  add("risks", p[1], p[2], 2 * ceiling(power.prop.test(p1 = p[1], p2 = p[2], power = 0.8, tol = 1e-10)$n))
# power of the z test of two means with known SD, solved for n
for (d in c(0.1, 0.2, 0.5, 0.8)) {
  power <- function(n) pnorm(d * sqrt(n / 2) - qnorm(0.975)) - 0.8
  add("means", d, NA, 2 * ceiling(uniroot(power, c(1, 1e5), tol = 1e-9)$root))
}
# people with the event by a time where their hazard is a multiple of that of Weibull times, by integration of the density
for (hr in c(0.3, 0.7, 1.5)) for (p in c(0.05, 0.4, 0.9)) {
  end <- qweibull(p, shape = 1.4, scale = 3)
  density <- function(t) {
    total <- pweibull(t, 1.4, 3, lower.tail = FALSE, log.p = TRUE)
    hr * dweibull(t, 1.4, 3) / exp(total) * exp(hr * total)
  }
  add("hazards", log(hr), p, integrate(density, 0, end, rel.tol = 1e-12)$value)
}
write.csv(do.call(rbind, rows), file.path(here, "absolute.csv"), row.names = FALSE, quote = FALSE)
