"""双方校核: our handoffs held against the list that the other side keeps of them.

巴彦淖尔市关于做好12345政务服务便民热线与110报警服务台高效对接联动的通知: 完善双方校核、一键转办、查漏纠错制度.
"""
