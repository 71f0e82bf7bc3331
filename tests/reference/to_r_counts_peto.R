# ketameta: Common-effect model, Peto's one-step method; 95% Wald interval (normal)
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

fit <- rma.peto(ai = a, n1i = n1, ci = c, n2i = n2, data = d, slab = label, level = 95)
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
  "estimate" = 1.2392470959451702,
  "q" = 26.60175755416044,
  "q_p" = 6.818495872570997e-05,
  "i2" = 81.2042494191591,
  "se" = 0.27247580695863205,
  "ci_low" = 0.7052043276477632,
  "ci_high" = 1.7732898642425772,
  "p" = 5.413252863335149e-06
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.272, 1, 1, 1, 0, 0.272, 0.272, 1)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
