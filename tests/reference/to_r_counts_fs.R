# ketameta: Binomial-normal model, unconditional, fixed level of each study (UM.FS), maximum likelihood by 30-node adaptive Gauss-Hermite quadrature; 95% Wald interval (normal)
# Ratios stand as natural logs.
# Data: ketameta VERSION; user data; 6 rows, SHA-256 08141bc2973a
# rma.glmm() stops its search a little early, and takes the standard error from numerical derivatives; with few events it may end with an error.

suppressMessages(library(metafor))

d <- data.frame(
  label = c("Study 1", "Study 2", "Study 3", "Study 4", "Study 5", "Study 6"),
  a = c(18, 3, 9, 0, 27, 6),
  n1 = c(24, 19, 20, 15, 31, 22),
  c = c(4, 4, 6, 1, 6, 8),
  n2 = c(25, 18, 21, 14, 30, 20),
  stringsAsFactors = FALSE
)

fit <- rma.glmm(ai = a, n1i = n1, ci = c, n2i = n2, data = d, slab = label, measure = "OR", model = "UM.FS", method = "ML", test = "z", level = 95, drop00 = FALSE, nAGQ = 25)
new <- predict(fit, level = 95)
print(fit)

found <- c(
  "estimate" = fit$beta[[1]],
  "tau2" = fit$tau2,
  "se" = fit$se,
  "ci_low" = fit$ci.lb,
  "ci_high" = fit$ci.ub,
  "p" = fit$pval,
  "pi_low" = new$pi.lb,
  "pi_high" = new$pi.ub
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate" = 0.9260628952674872,
  "tau2" = 2.3377869051165523,
  "se" = 0.7302416351478849,
  "ci_low" = -0.5051844096340057,
  "ci_high" = 2.35731020016898,
  "p" = 0.20474098295349796,
  "pi_low" = -2.3949280675854663,
  "pi_high" = 4.247053858120441
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.73, 1, 0, 0.73, 0.73, 1, 0.73, 0.73)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 0.01 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
