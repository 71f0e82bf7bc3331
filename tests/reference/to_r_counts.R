# ketameta: Common-effect model, Mantel-Haenszel, no correction of zero cells; 95% Wald interval (normal)
# Ratios stand as natural logs.
# Data: ketameta VERSION; user data; 6 rows, SHA-256 08141bc2973a

suppressMessages(library(metafor))

d <- data.frame(
  label = c("Study 1", "Study 2", "Study 3", "Study 4", "Study 5", "Study 6"),
  a = c(18, 3, 9, 0, 27, 6),
  n1 = c(24, 19, 20, 15, 31, 22),
  c = c(4, 4, 6, 1, 6, 8),
  n2 = c(25, 18, 21, 14, 30, 20),
  stringsAsFactors = FALSE
)

fit <- rma.mh(ai = a, n1i = n1, ci = c, n2i = n2, data = d, slab = label, measure = "OR", level = 95)
print(fit)

found <- c(
  "estimate" = fit$beta[[1]],
  "q" = fit$QE,
  "q_p" = fit$QEp,
  "i2" = fit$I2,
  "se" = fit$se,
  "ci_low" = fit$ci.lb,
  "ci_high" = fit$ci.ub,
  "p" = fit$pval
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate" = 1.1452987364416578,
  "q" = 26.96730283339663,
  "q_p" = 5.7884876031359016e-05,
  "i2" = 81.4590282502856,
  "se" = 0.2709228756304319,
  "ci_low" = 0.614299657617987,
  "ci_high" = 1.6762978152653285,
  "p" = 2.3640961934010596e-05
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.271, 1, 1, 1, 0, 0.271, 0.271, 1)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
