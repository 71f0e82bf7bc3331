# Posteriors of the normal-normal model by bayesmeta: writes bayes_inputs.csv, bayes.csv and bayes_session.json.
# Run in this directory. bayesmeta 3.4 and metafor are needed.

suppressMessages(library(bayesmeta))

sets <- list()
add <- function(name, es) sets[[name]] <<- data.frame(sample = name, yi = as.numeric(es$yi), vi = as.numeric(es$vi))
or <- function(ai, n1i, ci, n2i) escalc(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i)

data("CrinsEtAl2014"); add("crins2014", with(CrinsEtAl2014, or(exp.AR.events, exp.total, cont.AR.events, cont.total)))
data("Rubin1981"); add("rubin1981", with(Rubin1981, data.frame(yi = effect, vi = stderr^2)))
data("SnedecorCochran"); add("snedecor1967", with(SnedecorCochran, data.frame(yi = mean, vi = var / n)))
data("SidikJonkman2007"); add("sidik2007", with(SidikJonkman2007, or(lihr.events, lihr.cases, oihr.events, oihr.cases)))
data("Cochran1954"); add("cochran1954", with(Cochran1954, data.frame(yi = mean, vi = se2)))
data("GoralczykEtAl2011"); add("goralczyk2011", with(GoralczykEtAl2011, or(exp.AR.events, exp.total, cont.AR.events, cont.total)))
data("Peto1980"); add("peto1980", with(Peto1980, or(treat.events, treat.cases, control.events, control.cases)))
data("KarnerEtAl2014"); add("karner2014", with(subset(KarnerEtAl2014, !is.na(tiotropium.exa)), or(tiotropium.exa, tiotropium.total, placebo.exa, placebo.total)))
add("bcg", with(dat.bcg, escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg)))
add("normand1999", with(dat.normand1999, escalc(measure = "SMD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i)))
add("raudenbush1985", dat.raudenbush1985)
add("hackshaw1998", dat.hackshaw1998)
add("molloy2014", with(dat.molloy2014, escalc(measure = "ZCOR", ri = ri, ni = ni)))
add("two", sets$crins2014[1:2, ])
add("three", sets$crins2014[1:3, ])
add("one", sets$crins2014[1, ])
add("identical", data.frame(yi = rep(-0.4, 5), vi = c(0.04, 0.09, 0.02, 0.15, 0.07)))

# Scales follow the units of the data: s is 1 for ratios and standardised differences.
scale_of <- c(rubin1981 = 20, snedecor1967 = 10, cochran1954 = 20)
priors <- function(s) list(
  half_normal = function(t) dhalfnormal(t, scale = 0.5 * s),
  half_cauchy = function(t) dhalfcauchy(t, scale = 0.5 * s),
  half_t4 = function(t) dhalft(t, df = 4, scale = 0.5 * s),
  exponential = function(t) dexp(t, rate = 2 / s),
  uniform = function(t) dunif(t, 0, 2 * s),
  log_normal = function(t) dlnorm(t, meanlog = -1.07 + log(s), sdlog = 0.87)
)

fit_one <- function(name, prior_name, prior, mu) {
  es <- sets[[name]]
  args <- list(y = es$yi, sigma = sqrt(es$vi), labels = as.character(seq_len(nrow(es))), tau.prior = prior,
               delta = 1e-3, epsilon = 1e-5, rel.tol.integrate = 1e-10, tol.uniroot = 1e-10)
  if (!is.null(mu)) args <- c(args, list(mu.prior.mean = mu[1], mu.prior.sd = mu[2]))
  ma <- try(suppressWarnings(do.call(bayesmeta, args)), silent = TRUE)
  if (inherits(ma, "try-error")) { message(name, " ", prior_name, ": ", ma); return(NULL) }
  out <- list()
  put <- function(quantity, stat, value) out[[length(out) + 1]] <<- data.frame(
    sample = name, tau_prior = prior_name, mu_prior = if (is.null(mu)) "flat" else "normal",
    quantity = quantity, statistic = stat, value = as.numeric(value))
  stats <- c("mode", "median", "mean", "sd", "shortest_low", "shortest_high")
  for (j in seq_along(stats)) {
    put("tau", stats[j], ma$summary[j, "tau"])
    put("mu", stats[j], ma$summary[j, "mu"])
    put("new", stats[j], ma$summary[j, "theta"])
    for (i in unique(c(1, nrow(es)))) put(paste0("study", i), stats[j], ma$theta[j + 2, i])
  }
  central <- function(quantity, ...) {
    q <- ma$qposterior(...)
    put(quantity, "low", q[1]); put(quantity, "high", q[2])
  }
  p <- c(0.025, 0.975)
  central("tau", tau.p = p); central("mu", mu.p = p); central("new", theta.p = p, predict = TRUE)
  put("mu", "cdf_at_mean_y", ma$pposterior(mu = mean(es$yi)))
  put("new", "cdf_at_mean_y", ma$pposterior(theta = mean(es$yi), predict = TRUE))
  put("bayes_factor", "tau=0", ma$bayesfactor[1, "tau=0"])
  put("bayes_factor", "mu=0", ma$bayesfactor[1, "mu=0"])
  put("marginal_likelihood", "log", log(ma$marginal))
  do.call(rbind, out)
}

rows <- list()
for (name in names(sets)) {
  s <- if (name %in% names(scale_of)) scale_of[[name]] else 1
  all <- priors(s)
  if (name %in% c("crins2014", "two")) {
    for (prior_name in names(all)) rows[[length(rows) + 1]] <- fit_one(name, prior_name, all[[prior_name]], NULL)
    rows[[length(rows) + 1]] <- fit_one(name, "half_normal", all$half_normal, c(0, 4 * s))
    next
  }
  rows[[length(rows) + 1]] <- fit_one(name, "half_normal", all$half_normal, c(0, 4 * s))
  rows[[length(rows) + 1]] <- fit_one(name, "half_cauchy", all$half_cauchy, NULL)
}
for (name in c("crins2014", "rubin1981", "bcg"))
  rows[[length(rows) + 1]] <- fit_one(name, "improper_uniform", "uniform", NULL)
for (name in c("raudenbush1985", "two")) {
  rp <- RhodesEtAlPrior("mental", "pharma", "placebo")
  rows[[length(rows) + 1]] <- fit_one(name, "rhodes_mental_placebo", rp$dprior, NULL)
}
for (name in c("crins2014", "two")) {
  tp <- TurnerEtAlPrior("mental", "pharma", "placebo")
  rows[[length(rows) + 1]] <- fit_one(name, "turner_mental_placebo", tp$dprior, NULL)
}

text <- function(x) ifelse(is.na(x), "", sprintf("%.17g", x))
result <- do.call(rbind, rows); result$value <- text(result$value)
write.csv(result, "bayes.csv", row.names = FALSE, quote = FALSE)
inputs <- do.call(rbind, sets); inputs$yi <- text(inputs$yi); inputs$vi <- text(inputs$vi)
write.csv(inputs, "bayes_inputs.csv", row.names = FALSE, quote = FALSE)
version <- function(p) as.character(packageVersion(p))
writeLines(sprintf('{"R": "%s", "bayesmeta": "%s", "metafor": "%s", "metadat": "%s"}', getRversion(),
                   version("bayesmeta"), version("metafor"), version("metadat")), "bayes_session.json")
