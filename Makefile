.DEFAULT_GOAL := help
.PHONY: help setup run demo test bench soak lint

help:  ## 显示本帮助 · this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' Makefile

setup:  ## 安装全部所需（含测试工具） · install all that is needed, test tools included
	@scripts/setup.sh --for test

run:  ## 启动整套系统，Ctrl-C 停止 · start the whole system; Ctrl-C stops it
	@scripts/setup.sh --for run
	@exec .venv/bin/hotline up

demo:  ## 用真实 SIP 呼叫演示全部主要流程 · real SIP calls through every main path
	@scripts/setup.sh --for demo
	@exec .venv/bin/hotline demo

test:  ## 全部测试，纯模块分支须全覆盖 · the whole test suite; every branch of the pure modules
	@scripts/setup.sh --for test
	.venv/bin/pytest tests/asterisk tests/recording tests/browser tests/chaos tests/soak --cov --cov-report=
	.venv/bin/pytest tests/contract tests/unit -n auto --maxprocesses 2 --dist loadfile --cov --cov-append --cov-fail-under=100

bench:  ## 性能测试，写入 bench/results.json · benchmarks, written to bench/results.json: HANDOFFS=1000000 on record
	@scripts/setup.sh --for demo
	@exec .venv/bin/python -m bench $(if $(HANDOFFS),--handoffs $(HANDOFFS))

soak:  ## 故障下的连续转接 · handoffs under random faults: HANDOFFS=5000 or SECONDS=120, SEED=…
	@scripts/setup.sh --for demo
	@exec .venv/bin/python -m soak $(if $(HANDOFFS),--handoffs $(HANDOFFS)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED))

lint:  ## 静态检查 · static checks
	@scripts/setup.sh --for lint
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
