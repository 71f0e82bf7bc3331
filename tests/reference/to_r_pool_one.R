# ketameta: Single study; 95% Wald interval (normal)
# Data: ketameta VERSION; user data; 1 row, SHA-256 73710fe481b8

suppressMessages(library(metafor))

d <- data.frame(
  label = c("a \"b\" \\ \u000a # 50% $x \u00e9 \u0142 \U0001f600 \ufffd `rm(d)` ')"),
  yi = c(-1.1),
  vi = c(0.09),
  stringsAsFactors = FALSE
)

fit <- rma(yi, vi, data = d, slab = label, method = "EE", test = "z", level = 95)
print(fit)

found <- c(
  "estimate" = fit$beta[[1]],
  "ci_low" = fit$ci.lb,
  "ci_high" = fit$ci.ub,
  "p" = fit$pval,
  "se" = fit$se
)

# What ketameta found, with all digits.
ketameta <- c(
  "estimate" = -1.1,
  "ci_low" = -1.6879891953620163,
  "ci_high" = -0.5120108046379839,
  "p" = 0.00024573277993030363,
  "se" = 0.3
)

# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c(0.3, 0.3, 0.3, 1, 0)
cat(sprintf("%s %.17g %.17g\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= 1e-06 * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))
