# Reference values for the share responding over time (ketameta.curves.responding).
# Needs MASS, nlme, splines, lme4. Run in this directory: Rscript responding.R
# It draws the trials (seed fixed), writes them to responding_trials.csv, and the fits to responding.csv.
suppressMessages({library(MASS); library(nlme); library(splines); library(lme4)})
set.seed(20260921)
grid <- c(2, 24, 72, 168, 336)
rows <- list()
for (i in 1:12) {
  hours <- sort(sample(grid, sample(3:5, 1)))
  u <- mvrnorm(1, c(0, 0), matrix(c(0.5, 0.2, 0.2, 0.4), 2))
  for (ket in c(1, 0)) {
    n <- sample(15:60, 1)
    eta <- (if (ket) 0.4 - 0.25 * log(hours / 24) else -1.6 + 0.1 * log(hours / 24)) + u[2 - ket] +
      rnorm(length(hours), 0, 0.3)
    rows[[length(rows) + 1]] <- data.frame(trial = sprintf("t%02d", i), ket = ket, hours = hours,
      events = rbinom(length(hours), n, plogis(eta)), total = n)
  }
}
d <- do.call(rbind, rows)
wide <- merge(d[d$ket == 1, -2], d[d$ket == 0, -2], by = c("trial", "hours"), suffixes = c("_t", "_c"))
names(wide)[1:2] <- c("study_id", "time_hours")
write.csv(wide[order(wide$study_id, wide$time_hours), ], "responding_trials.csv", row.names = FALSE, quote = FALSE)

d$comp <- 1 - d$ket
d$row <- factor(seq_len(nrow(d)))
d$trial <- factor(d$trial)
knots <- c(2, 24, 336)
b <- function(h) ns(log(h), knots = log(knots[2]), Boundary.knots = log(knots[c(1, 3)]), intercept = TRUE)
x <- b(d$hours)
d[paste0("a", 1:3)] <- x * d$ket
d[paste0("c", 1:3)] <- x * d$comp
f <- cbind(events, total - events) ~ 0 + a1 + a2 + a3 + c1 + c2 + c3
pql <- suppressWarnings(glmmPQL(f, random = list(trial = pdSymm(~ 0 + ket + comp), row = ~ 1), family = binomial,
  data = d, niter = 200, verbose = FALSE,
  control = lmeControl(sigma = 1, tolerance = 1e-14, msTol = 1e-14, maxIter = 500, msMaxIter = 500)))
laplace <- glmer(update(f, . ~ . + (0 + ket + comp | trial) + (1 | row)), family = binomial, data = d,
  control = glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e5)))
at <- c(2, 24, 72, 168, 336)
out <- data.frame()
add <- function(case, quantity, value) out <<- rbind(out, data.frame(case, quantity, value = sprintf("%.17g", value)))
for (case in c("glmmPQL", "glmer")) {
  fit <- if (case == "glmmPQL") pql else laplace
  beta <- if (case == "glmmPQL") fixef(pql) else lme4::fixef(laplace)
  v <- as.matrix(vcov(fit))
  # glmmPQL reports the covariance with the factor n / (n - p) of nlme under ML
  for (arm in c("t", "c")) {
    pick <- if (arm == "t") 1:3 else 4:6
    z <- b(at)
    eta <- drop(z %*% beta[pick]); se <- sqrt(diag(z %*% v[pick, pick] %*% t(z)))
    for (j in seq_along(at)) {
      add(case, sprintf("logit_%s_%g", arm, at[j]), eta[j])
      add(case, sprintf("se_%s_%g", arm, at[j]), se[j])
    }
  }
}
s <- as.matrix(pql$modelStruct$reStruct$trial); add("glmmPQL", "tau2_t", s[1, 1]); add("glmmPQL", "cov", s[1, 2]); add("glmmPQL", "tau2_c", s[2, 2])
add("glmmPQL", "omega2", as.matrix(pql$modelStruct$reStruct$row)[1, 1])
g <- VarCorr(laplace)
add("glmer", "tau2_t", g$trial[1, 1]); add("glmer", "cov", g$trial[1, 2]); add("glmer", "tau2_c", g$trial[2, 2]); add("glmer", "omega2", g$row[1, 1])
add("glmmPQL", "sigma", pql$sigma)
write.csv(out, "responding.csv", row.names = FALSE, quote = FALSE)
