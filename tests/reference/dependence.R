# Reference values for the covariance of a table of effects, from metafor::vcalc.
# Run from the root of the repository:  Rscript tests/reference/dependence.R
# Writes tests/reference/dependence_vcalc.csv: a table of effects, and the lower triangle of each V.
suppressMessages(library(metafor))
set.seed(3)
g17 <- function(x) sprintf("%.17g", x)

# Times and outcomes of the same two arms, sizes unknown: rho between outcomes, phi over time.
d <- expand.grid(time = c(24, 72, 168, 672), outcome = c("a", "b"), trial = c("t1", "t2", "t3"),
                 stringsAsFactors = FALSE)
d <- d[sort(sample(nrow(d), 17)), ]
d$vi <- round(runif(nrow(d), 0.02, 0.2), 4)
out <- list()
keep <- function(case, V) {
  at <- which(lower.tri(V, diag = TRUE), arr.ind = TRUE)
  at <- at[V[at] != 0, , drop = FALSE]
  out[[length(out) + 1]] <<- data.frame(case = case, i = at[, 1] - 1, j = at[, 2] - 1, value = g17(V[at]))
}
d$log_time <- log(d$time) / log(7)
d$days <- d$time / 144
keep("log-time", vcalc(d$vi, cluster = d$trial, obs = d$outcome, time1 = d$log_time, rho = 0.5, phi = 0.6))
keep("days", vcalc(d$vi, cluster = d$trial, obs = d$outcome, time1 = d$days, rho = 0.5, phi = 0.6))
one <- d[!duplicated(paste(d$trial, d$time)), ]
keep("constant", vcalc(one$vi, cluster = one$trial, obs = seq_len(nrow(one)), rho = 0.6))

# Several doses against one control, and at two times: sizes known.
s <- data.frame(trial = c("u1", "u1", "u1", "u2", "u2", "u2", "u2"), arm = c("x", "y", "z", "x", "y", "x", "y"),
                time = c(24, 24, 24, 24, 24, 168, 168), n_t = c(20, 35, 50, 30, 22, 30, 22),
                n_c = c(40, 40, 40, 25, 25, 25, 25), vi = round(runif(7, 0.02, 0.2), 4))
s$log_time <- log(s$time) / log(7)
keep("shared control", vcalc(s$vi, cluster = s$trial, time1 = s$log_time, phi = 0.6, grp1 = s$arm,
                             grp2 = rep("control", 7), w1 = s$n_t, w2 = s$n_c))
table <- rbind(data.frame(set = "times", trial = d$trial, time_hours = d$time, outcome = d$outcome, arm = "",
                          n_t = "", n_c = "", vi = g17(d$vi)),
               data.frame(set = "control", trial = s$trial, time_hours = s$time, outcome = "", arm = s$arm,
                          n_t = s$n_t, n_c = s$n_c, vi = g17(s$vi)))
write.csv(table, "tests/reference/dependence_rows.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, out), "tests/reference/dependence_vcalc.csv", row.names = FALSE, quote = FALSE)
cat(R.version.string, "metafor", as.character(packageVersion("metafor")), "\n")
