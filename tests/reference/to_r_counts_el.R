# ketameta: Binomial-normal model, conditional on the margins, exact likelihood (CM.EL), maximum likelihood by 30-node adaptive Gauss-Hermite quadrature; 95% Wald interval by t with 5 degrees of freedom
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

fit <- rma.glmm(ai = a, n1i = n1, ci = c, n2i = n2, data = d, slab = label, measure = "OR", model = "CM.EL", method = "ML", test = "t", level = 95, drop00 = FALSE)
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
  "estimate" = 0.9042343626407251,
  "tau2" = 2.2663500876831852,
  "se" = 0.7273715852924338,
  "ci_low" = -0.9655338222699957,
  "ci_high" = 2.774002547551446,
  "p" = 0.26892428734578666,
  "pi_low" = -3.393652019403114,
  "pi_high" = 5.2021207446845645
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.727, 1, 0, 0.727, 0.727, 1, 0.727, 0.727)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 0.01 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
