# ketameta: Subgroups by control, one tau2 for all groups; differences by chi-square on the Wald standard errors
# Groups: Random-effects model, tau2 by ML, inverse-variance weights; 95% Wald interval (normal); prediction interval by the normal distribution; intervals of tau2, I2 and H2 by Q-profile
# Data: ketameta VERSION; user data; 9 rows, SHA-256 105ac8a1b87d

suppressMessages(library(metafor))

d <- data.frame(
  label = c("a \"b\" \\ \u000a # 50% $x \u00e9 \u0142 \U0001f600 \ufffd `rm(d)` ')", "Feder 2014",
    "Murrough\u00092013", "\u00dcnal 2020", "",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "F", "G", "H"),
  group = c("saline", "saline", "saline", "saline", "\"mida\u000azolam\"", "\"mida\u000azolam\"",
    "\"mida\u000azolam\"", "\"mida\u000azolam\"", "\"mida\u000azolam\""),
  yi = c(-1.1, -0.35, -0.62, -0.18, -0.8, -0.41, 0.12, -0.93, -0.55),
  vi = c(0.09, 0.05, 0.04, 0.07, 0.11, 0.03, 0.06, 0.08, 0.045),
  stringsAsFactors = FALSE
)
d$group <- factor(d$group, levels = c("saline", "\"mida\u000azolam\""))

X <- model.matrix(~ 0 + group, d)
all <- rma(yi, vi, mods = X, intercept = FALSE, data = d, method = "ML", test = "z", level = 95, control = list(threshold = 1e-13 * (mean(d$vi) + var(d$yi)), maxiter = 100000))
wald <- rma(yi, vi, mods = X, intercept = FALSE, data = d, method = "ML", test = "z", level = 95, control = list(threshold = 1e-13 * (mean(d$vi) + var(d$yi)), maxiter = 100000))
show <- function(f, i = 1) list(estimate = f$beta[[i]], ci_low = f$ci.lb[[i]], ci_high = f$ci.ub[[i]], tau2 = f$tau2)
groups <- lapply(seq_len(nlevels(d$group)), function(i) show(all, i))
fit <- rma(c(wald$beta), sei = wald$se, method = "EE", slab = levels(d$group))
print(fit)

found <- c(
  "q_between" = fit$QE,
  "p" = fit$QEp,
  "estimate, saline" = groups[[1]]$estimate,
  "ci_low, saline" = groups[[1]]$ci_low,
  "ci_high, saline" = groups[[1]]$ci_high,
  "tau2, saline" = groups[[1]]$tau2,
  "estimate, \"mida\u000azolam\"" = groups[[2]]$estimate,
  "ci_low, \"mida\u000azolam\"" = groups[[2]]$ci_low,
  "ci_high, \"mida\u000azolam\"" = groups[[2]]$ci_high,
  "tau2, \"mida\u000azolam\"" = groups[[2]]$tau2
)

# What ketameta found, with all digits.
ketameta <- c(
  "q_between" = 0.09332822439763624,
  "p" = 0.7599878945489766,
  "estimate, saline" = -0.5379510278708095,
  "ci_low, saline" = -0.8447652607790709,
  "ci_high, saline" = -0.23113679496254813,
  "tau2, saline" = 0.03902890213532273,
  "estimate, \"mida\u000azolam\"" = -0.4739525441670528,
  "ci_low, \"mida\u000azolam\"" = -0.7468104389130424,
  "ci_high, \"mida\u000azolam\"" = -0.20109464942106314,
  "tau2, \"mida\u000azolam\"" = 0.03902890213532273
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(1, 1, 0.253, 0.253, 0.253, 0.0639, 0.253, 0.253, 0.253, 0.0639)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
